import { failures } from '@cloister/api-errors';
import { commonErrors } from '../server/errors.ts';

/** Every error that egress can answer. */
export const egressErrors = {
  ...commonErrors,
  token_invalid: {
    status: 401,
    type: 'authentication_error',
    say: 'the pod token is missing, expired, meant for another audience or of no agent that this tenant has',
  },
  voucher_invalid: {
    status: 403,
    type: 'permission_error',
    say: 'x-cloister-voucher is none that edge made for this agent, or it has expired; pass on the one of the request for which the model is called, or none',
  },
  tenant_not_active: {
    status: 403,
    type: 'permission_error',
    say: 'tenant "{tenant}" is {state}; its agents may call no model and connect to nothing',
  },
  model_not_allowed: {
    status: 403,
    type: 'permission_error',
    say: 'tenant "{tenant}" may not use model "{model}"; its models are listed at /v1/models',
  },
  model_not_suitable: {
    status: 400,
    type: 'invalid_request_error',
    say: 'model "{model}" is there for {use} only; its ModelProvider offers it for nothing else',
  },
  parameter_too_large: {
    status: 400,
    type: 'invalid_request_error',
    say: '{param} is {value}, and model "{model}" allows {limit} at most',
  },
  parameter_not_allowed: {
    status: 403,
    type: 'permission_error',
    say: '{param} is {value}, and agent "{agent}" may ask for {min} to {max}; its AgentConfig sets the bounds',
  },
  tool_not_allowed: {
    status: 403,
    type: 'permission_error',
    say: 'agent "{agent}" may offer models no tool "{tool}"; spec.allowedTools of its AgentConfig names those that it may',
  },
  parameter_not_priced: {
    status: 400,
    type: 'invalid_request_error',
    say: '{param} changes what a call costs in a way that the price list of model "{model}" does not hold, so no budget could bound it; leave it out',
  },
  proxy_token_invalid: {
    status: 407,
    type: 'authentication_error',
    say: 'send the pod token as "proxy-authorization: Bearer …", or as the password of any user; it is missing, expired, meant for another audience or of no agent that this tenant has',
  },
  proxy_connect_only: {
    status: 405,
    type: 'invalid_request_error',
    say: 'this proxy carries no plain HTTP; use https, for which clients ask it with CONNECT',
  },
  authority_invalid: {
    status: 400,
    type: 'invalid_request_error',
    say: 'CONNECT needs a domain and a port, such as api.example.com:443; addresses are not allowed',
  },
  domain_not_allowed: {
    status: 403,
    type: 'permission_error',
    say: 'tenant "{tenant}" may not connect to "{host}"; its administrator can add it to spec.network.egress.domains',
  },
  port_not_allowed: {
    status: 403,
    type: 'permission_error',
    say: 'tenant "{tenant}" may not connect to port {port}; its administrator can add it to spec.network.egress.ports',
  },
  address_not_public: {
    status: 403,
    type: 'permission_error',
    say: '"{host}" has an address that is not public, so nobody may connect to it',
  },
  host_unreachable: { status: 502, type: 'server_error', say: '"{host}" cannot be reached' },
  too_many_connections: {
    status: 429,
    type: 'rate_limit_error',
    say: 'tenant "{tenant}" has {connections} connections open, which is the most; try again when one has ended',
  },
  proxy_busy: {
    status: 503,
    type: 'server_error',
    say: 'tools of all tenants have nearly all connections that there are, and tenant "{tenant}" with {connections} its share of them; try again in a moment',
  },
  too_many_bytes: {
    status: 429,
    type: 'rate_limit_error',
    say: 'tools of tenant "{tenant}" have carried {bytes} bytes in this hour, which is the most; try again in the next one',
  },
  proxy_closed: {
    status: 503,
    type: 'server_error',
    say: 'the cluster has public addresses that tools could reach, so nothing is reached; the platform has to name its ranges in egress.tools.forbiddenCIDRs of the chart',
  },
  budget_exceeded: {
    status: 429,
    type: 'insufficient_quota',
    say: 'the {window} budget of {unit} is spent; it renews at {renewsAt}',
  },
  budget_reserved: {
    status: 429,
    type: 'insufficient_quota',
    say: 'what is left of the {window} budget of {unit} is reserved for calls in progress; try again when they have ended. The budget renews at {renewsAt}',
  },
  budget_downgraded: {
    status: 429,
    type: 'insufficient_quota',
    say: 'the {window} budget of {unit} is used up to {percent} %, and the rest is for cheaper models',
  },
  budget_throttled: {
    status: 429,
    type: 'rate_limit_error',
    say: 'the {window} budget of {unit} is used up to {percent} %, and the rest is given out bit by bit; there is enough for this call in {seconds} s',
  },
  budget_unavailable: {
    status: 503,
    type: 'server_error',
    say: 'the budget cannot be checked at the moment, and this tenant has one; try again in a moment',
  },
  usage_unavailable: { status: 503, type: 'server_error', say: 'usage cannot be read at the moment; try again in a moment' },
  audit_unavailable: { status: 503, type: 'server_error', say: 'the audit cannot be reached at the moment; try again in a moment' },
  provider_not_configured: {
    status: 503,
    type: 'server_error',
    say: 'model "{model}" is allowed, but its ModelProvider does not offer it or is not there; the platform has to repair that',
  },
  provider_credentials_missing: {
    status: 503,
    type: 'server_error',
    say: 'provider "{provider}" has no credential; the platform has to create the Secret that its ModelProvider names',
  },
  provider_credentials_rejected: {
    status: 502,
    type: 'server_error',
    say: 'provider "{provider}" rejects the credential that the platform has for it; the platform has to replace it',
  },
  own_key_missing: {
    status: 503,
    type: 'server_error',
    say: 'provider "{provider}" is called for this tenant with a key of the tenant\'s own alone, and there is none to call it with; the status of the Tenant says what is wrong with spec.providerKeys',
  },
  own_key_rejected: {
    status: 502,
    type: 'server_error',
    say: 'provider "{provider}" rejects the key that this tenant has of its own; it has to be replaced in the Secret that spec.providerKeys of the Tenant names',
  },
  own_key_spent: {
    status: 429,
    type: 'insufficient_quota',
    say: 'the account behind the key that this tenant has of its own with provider "{provider}" is used up; whoever holds it has to add to it',
  },
  own_key_limited: {
    status: 429,
    type: 'rate_limit_error',
    say: 'provider "{provider}" takes no more calls at the moment from the account behind the key that this tenant has of its own; try again later, or have that account\'s limits raised',
  },
  provider_unreachable: { status: 502, type: 'server_error', say: 'provider "{provider}" cannot be reached' },
  provider_unavailable: {
    status: 503,
    type: 'server_error',
    say: 'provider "{provider}" has failed several times in a row and is left alone; try again in {seconds} s',
  },
  provider_busy: {
    status: 503,
    type: 'server_error',
    say: 'provider "{provider}" has {limit} calls in progress here, as many as its ModelProvider allows; try again in a moment',
  },
  provider_timeout: { status: 504, type: 'server_error', say: 'provider "{provider}" did not answer within {seconds} s' },
  provider_failed: { status: 502, type: 'server_error', say: 'provider "{provider}" failed: {problem}' },
  provider_rate_limited: {
    status: 429,
    type: 'rate_limit_error',
    say: 'provider "{provider}" limits the rate of calls at the moment; try again later',
  },
  provider_rejected: { status: 400, type: 'invalid_request_error', say: 'provider "{provider}" refuses the request: {problem}' },
} as const;

export const fail = failures(egressErrors);
