/** Every error that an agent answers: code → status, OpenAI's type, and what to do next. */
import { failures } from '@cloister/api-errors';

export const errors = {
  caller_token_missing: {
    status: 401,
    type: 'authentication_error',
    say: 'the request carries no bearer token; call the agent through its endpoint',
  },
  caller_token_invalid: {
    status: 401,
    type: 'authentication_error',
    say: 'the bearer token is expired, signed by somebody else or meant for another tenant',
  },
  scope_missing: { status: 403, type: 'permission_error', say: 'this credential lacks the scope "{scope}"' },
  not_found: { status: 404, type: 'invalid_request_error', say: 'there is nothing at this address' },
  conversation_not_found: { status: 404, type: 'invalid_request_error', say: 'there is no conversation of that id' },
  model_not_found: {
    status: 404,
    type: 'invalid_request_error',
    say: 'the model "{model}" does not exist here; GET /v1/models lists those that do',
  },
  invalid_request: { status: 400, type: 'invalid_request_error', say: '{problem}' },
  message_too_large: {
    status: 413,
    type: 'invalid_request_error',
    say: '{param} holds {bytes} bytes; a message may hold {limit} here',
  },
  conversation_busy: {
    status: 409,
    type: 'conflict_error',
    say: 'another message of this conversation is still being answered; send this one again when that is done',
  },
  precondition_required: {
    status: 428,
    type: 'invalid_request_error',
    say: 'send the ETag of the settings you read as "if-match", or "if-match: *" to overwrite whatever stands there',
  },
  precondition_failed: {
    status: 412,
    type: 'invalid_request_error',
    say: 'the settings have changed since you read them; read them again, then apply your change',
  },
  database_unavailable: { status: 503, type: 'server_error', say: 'the database does not answer; try again shortly' },
  starting: { status: 503, type: 'server_error', say: 'the agent is starting; try again shortly' },
  egress_unreachable: { status: 502, type: 'server_error', say: 'the model gateway does not answer; try again shortly' },
  model_access_refused: {
    status: 502,
    type: 'server_error',
    say: 'the model gateway does not accept this agent; its administrator finds the reason in the log under the request id',
  },
  model_failed: { status: 502, type: 'server_error', say: 'the model "{model}" answered with status {status} and no reason' },
  model_interrupted: { status: 502, type: 'server_error', say: 'the model stopped in the middle of its answer; try again' },
  request_timed_out: { status: 504, type: 'server_error', say: 'the model did not finish within {seconds} seconds' },
} as const;

export const fail = failures(errors);

/** The caller hung up: nobody is left to answer. */
export class ClientGone extends Error {
  constructor() {
    super('the client has closed the connection');
    this.name = 'ClientGone';
  }
}
