import { failures } from '@cloister/api-errors';
import { commonErrors } from '../server/errors.ts';

/** Every error that edge itself can answer. What an agent answers passes through as it is. */
export const edgeErrors = {
  ...commonErrors,
  credential_missing: {
    status: 401,
    type: 'authentication_error',
    say: 'send an API key or a token as "authorization: Bearer …"',
  },
  credential_invalid: {
    status: 401,
    type: 'authentication_error',
    say: 'the API key or token is not valid: it is unknown, expired, malformed or meant for another audience',
  },
  issuer_unreachable: {
    status: 503,
    type: 'server_error',
    say: 'the keys of the token issuer cannot be fetched at the moment; try again later',
  },
  scope_missing: {
    status: 403,
    type: 'permission_error',
    say: 'this credential lacks the scope "{scope}"',
  },
  uses_unavailable: {
    status: 503,
    type: 'server_error',
    say: 'the last use of API keys cannot be read at the moment; try again in a moment',
  },
  usage_unavailable: { status: 503, type: 'server_error', say: 'usage cannot be read at the moment; try again in a moment' },
  key_not_found: {
    status: 404,
    type: 'invalid_request_error',
    say: 'this tenant has no API key of that id; GET …/keys lists those that it has',
  },
  key_declared: {
    status: 409,
    type: 'invalid_request_error',
    say: 'API key "{name}" is declared in spec.access.apiKeys of the Tenant; take it away there',
  },
  too_many_keys: {
    status: 409,
    type: 'invalid_request_error',
    say: 'this tenant has {limit} issued API keys already, expired ones included; revoke one first',
  },
  keys_unavailable: {
    status: 503,
    type: 'server_error',
    say: 'API keys can be neither issued nor revoked at the moment; try again in a moment',
  },
  tenant_suspended: { status: 503, type: 'server_error', say: 'this tenant is suspended; its administrator can resume it' },
  tenant_starting: { status: 503, type: 'server_error', say: 'this tenant is being set up; try again in a moment' },
  no_agent: {
    status: 404,
    type: 'invalid_request_error',
    say: 'this tenant has no agent to answer; apply an AgentConfig, or name one of several agents by its path or as "model"',
  },
  agent_not_found: {
    status: 404,
    type: 'invalid_request_error',
    say: 'this tenant has no agent of that name; GET /v1/models lists those that it has',
  },
  agent_scaled_to_zero: {
    status: 503,
    type: 'server_error',
    say: 'agent "{agent}" is scaled to zero, and stays so until its AgentConfig wants replicas again',
  },
  split_without_agent: {
    status: 503,
    type: 'server_error',
    say: 'of the agents that "{split}" is split among, none is there and has pods; its administrator can change that, and GET /v1/models lists what else there is',
  },
  agent_unavailable: {
    status: 503,
    type: 'server_error',
    say: 'agent "{agent}" cannot be reached; it may be starting or restarting. Try again in a moment',
  },
  agent_failed: { status: 502, type: 'server_error', say: 'agent "{agent}" broke off before it answered' },
  agent_timeout: { status: 504, type: 'server_error', say: 'agent "{agent}" did not answer in time' },
  rate_limit_exceeded: {
    status: 429,
    type: 'rate_limit_error',
    say: '{who} may {what} ({field}); try again in {seconds} s',
  },
} as const;

export const fail = failures(edgeErrors);
