/**
 * What Go controllers export under the prefixes that we claim, so that our names are held against theirs and not against our own table alone.
 *
 * As of controller-runtime v0.24.1, and where it exports none of the name, k8s.io/component-base v0.36.0, which is what Kubernetes' own controllers use.
 */
export const controllerRuntime = [
  ['controller_runtime_reconcile_total', 'counter', ['controller', 'result']],
  ['controller_runtime_reconcile_errors_total', 'counter', ['controller']],
  ['controller_runtime_terminal_reconcile_errors_total', 'counter', ['controller']],
  ['controller_runtime_reconcile_panics_total', 'counter', ['controller']],
  ['controller_runtime_reconcile_timeouts_total', 'counter', ['controller']],
  ['controller_runtime_reconcile_time_seconds', 'histogram', ['controller']],
  ['controller_runtime_max_concurrent_reconciles', 'gauge', ['controller']],
  ['controller_runtime_active_workers', 'gauge', ['controller']],
  ['workqueue_depth', 'gauge', ['name', 'controller', 'priority']],
  ['workqueue_adds_total', 'counter', ['name', 'controller']],
  ['workqueue_retries_total', 'counter', ['name', 'controller']],
  ['workqueue_queue_duration_seconds', 'histogram', ['name', 'controller']],
  ['workqueue_work_duration_seconds', 'histogram', ['name', 'controller']],
  ['workqueue_unfinished_work_seconds', 'gauge', ['name', 'controller']],
  ['workqueue_longest_running_processor_seconds', 'gauge', ['name', 'controller']],
  ['rest_client_requests_total', 'counter', ['code', 'method', 'host']],
  ['leader_election_master_status', 'gauge', ['name']],
] as const;

export const componentBase = [
  ['rest_client_request_duration_seconds', 'histogram', ['verb', 'host']],
  ['rest_client_request_retries_total', 'counter', ['code', 'verb', 'host']],
] as const;

/** Theirs under these prefixes that we do not have. The README says why. A star stands for the rest of several names. */
export const leftOut = [
  'controller_runtime_webhook_*',
  'controller_runtime_conversion_webhook_panics_total',
  'rest_client_dns_resolution_duration_seconds',
  'rest_client_request_size_bytes',
  'rest_client_response_size_bytes',
  'rest_client_rate_limiter_duration_seconds',
  'rest_client_exec_plugin_*',
  'rest_client_transport_*',
  'leader_election_slowpath_total',
] as const;
