import { failures } from '@cloister/api-errors';

/** Errors that edge and egress share. Each of them adds its own. */
export const commonErrors = {
  not_found: { status: 404, type: 'invalid_request_error', say: 'there is nothing here' },
  invalid_json: { status: 400, type: 'invalid_request_error', say: 'the request body is no valid JSON' },
  invalid_request: { status: 400, type: 'invalid_request_error', say: 'the request is not usable: {problem}' },
  request_too_large: { status: 413, type: 'invalid_request_error', say: 'the request body is larger than {limit} bytes' },
  request_aborted: { status: 400, type: 'invalid_request_error', say: 'the request ended before its body was complete' },
} as const;

export const fail = failures(commonErrors);
