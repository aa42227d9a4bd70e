/** Whether the operator is well, and whether the world is as it should be. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { BytesIEC, OpsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './frame.ts';
import { lines, number } from './panels.ts';

const inOperator = 'container="operator"';
const perSecond = (metric: string, matchers = ''): string => `rate(${metric}{${matchers}}[$__rate_interval])`;
const p95 = (metric: string, by: string, matchers = ''): string =>
  `histogram_quantile(0.95, sum by (le, ${by}) (${perSecond(`${metric}_bucket`, matchers)}))`;

const now = {
  title: 'Now',
  panels: [
    number(
      { title: 'Leaders', unit: Short, description: 'One. None: changes wait, what runs goes on.' },
      'sum(leader_election_master_status{name="cloister-operator"})',
    ),
    number({ title: 'Objects not Ready', unit: Short, bad: 1 }, 'sum(max by (kind, ready) (cloister_objects{ready!="True"}))'),
    number(
      { title: 'Objects behind', unit: Short, bad: 1, description: 'Changed, and the operator has not looked at them yet.' },
      'sum(max by (kind) (cloister_objects_behind))',
    ),
    number({ title: 'Failed reconciles', unit: Short, bad: 1 }, 'sum(increase(controller_runtime_reconcile_errors_total[$__range]))'),
    number(
      { title: 'Tenants opened wider', unit: Short, bad: 1, description: "By a NetworkPolicy that is not the operator's." },
      'sum(max by (tenant) (cloister_tenant_egress_widened) or vector(0)) + sum(max by (tenant) (cloister_tenant_ingress_widened) or vector(0))',
    ),
    number({ title: 'Programming errors', unit: Short, bad: 1 }, 'sum(increase(controller_runtime_reconcile_panics_total[$__range]))'),
  ],
};

const reconciles = {
  title: 'Reconciles',
  panels: [
    lines({ title: 'Reconciles by result', unit: OpsPerSecond, stacked: true }, [
      `sum by (controller, result) (${perSecond('controller_runtime_reconcile_total')})`,
      '{{controller}} {{result}}',
    ]),
    lines(
      { title: 'Failed, cut off, given up', unit: OpsPerSecond },
      [`sum by (controller) (${perSecond('controller_runtime_reconcile_errors_total')})`, '{{controller}} failed'],
      [`sum by (controller) (${perSecond('controller_runtime_reconcile_timeouts_total')})`, '{{controller}} timed out'],
      [`sum by (controller) (${perSecond('controller_runtime_terminal_reconcile_errors_total')})`, '{{controller}} given up'],
    ),
    lines({ title: 'Time of a reconcile, p95', unit: Seconds }, [
      p95('controller_runtime_reconcile_time_seconds', 'controller'),
      '{{controller}}',
    ]),
    lines(
      { title: 'Workers busy', unit: Short },
      ['sum by (controller) (controller_runtime_active_workers)', '{{controller}}'],
      ['max by (controller) (controller_runtime_max_concurrent_reconciles)', '{{controller}} at most'],
    ),
    lines(
      {
        title: 'Since a worker last moved',
        unit: Seconds,
        description: 'Without work it moves every five seconds; three minutes are an alert.',
      },
      ['max by (pod, controller) (time() - kube_runtime_controller_heartbeat_timestamp_seconds)', '{{pod}} {{controller}}'],
    ),
    lines({ title: 'Longest run at the moment', unit: Seconds }, [
      'max by (controller) (workqueue_longest_running_processor_seconds)',
      '{{controller}}',
    ]),
  ],
};

const queues = {
  title: 'Work queues',
  panels: [
    lines({ title: 'Keys that wait', unit: Short, stacked: true }, ['sum by (controller) (workqueue_depth)', '{{controller}}']),
    lines(
      { title: 'Added, and tried again', unit: OpsPerSecond },
      [`sum by (controller) (${perSecond('workqueue_adds_total')})`, '{{controller}}'],
      [`sum by (controller) (${perSecond('workqueue_retries_total')})`, '{{controller}} again'],
    ),
    lines({ title: 'Time that a key waited, p95', unit: Seconds }, [
      p95('workqueue_queue_duration_seconds', 'controller'),
      '{{controller}}',
    ]),
  ],
};

const drift = {
  title: 'The world as it should be',
  panels: [
    lines({ title: 'Objects not Ready', unit: Short, stacked: true }, [
      'max by (kind, ready) (cloister_objects{ready!="True"})',
      '{{kind}} {{ready}}',
    ]),
    lines({ title: 'Longest that an object is behind', unit: Seconds }, [
      'max by (kind) (cloister_objects_behind_seconds_max)',
      '{{kind}}',
    ]),
    lines(
      {
        title: 'Writes to the API server',
        unit: OpsPerSecond,
        description: 'At rest the renewal of the lease alone. More is a change, or something that was edited by hand and is put right.',
      },
      [`sum by (method, code) (${perSecond('rest_client_requests_total', `${inOperator}, method!="GET"`)})`, '{{method}} {{code}}'],
    ),
    lines({ title: 'Age of the oldest credential', unit: Seconds }, [
      'max by (credential) (cloister_credential_age_seconds_max)',
      '{{credential}}',
    ]),
    lines({ title: 'Longest rotation under way', unit: Seconds }, [
      'max by (credential) (cloister_credential_rotating_seconds_max)',
      '{{credential}}',
    ]),
    lines(
      { title: 'Tenants opened wider', unit: Short, description: 'The status of the Tenant names the policy.' },
      ['max by (tenant) (cloister_tenant_egress_widened) > 0', '{{tenant}} out'],
      ['max by (tenant) (cloister_tenant_ingress_widened) > 0', '{{tenant}} in'],
    ),
  ],
};

const api = {
  title: 'API server and process',
  panels: [
    lines({ title: 'Time of a request, p95', unit: Seconds }, [
      p95('rest_client_request_duration_seconds', 'verb', inOperator),
      '{{verb}}',
    ]),
    lines(
      { title: 'Repeated requests, faults of watches, Events not written', unit: OpsPerSecond },
      [`sum by (code) (${perSecond('rest_client_request_retries_total', inOperator)})`, 'repeated after {{code}}'],
      [`sum by (kind, what) (${perSecond('kube_runtime_informer_faults_total', inOperator)})`, '{{kind}} {{what}}'],
      [`sum by (why) (${perSecond('kube_runtime_events_dropped_total')})`, 'Event: {{why}}'],
    ),
    lines({ title: 'Delay of the event loop', unit: Seconds }, ['max by (pod) (kube_runtime_event_loop_delay_seconds)', '{{pod}}']),
    lines({ title: 'Processor', unit: Short, description: 'Cores.', span: 12 }, [
      perSecond('process_cpu_seconds_total', inOperator),
      '{{pod}}',
    ]),
    lines({ title: 'Memory', unit: BytesIEC, span: 12 }, [`process_resident_memory_bytes{${inOperator}}`, '{{pod}}']),
  ],
};

export const operatorDashboard = (): Dashboard =>
  dashboard({
    uid: 'cloister-operator',
    title: 'Cloister / Operator',
    description: 'Reconciles, work queues, drift. docs/runbooks/operator.md says what to do about each alert.',
    rows: [now, reconciles, queues, drift, api],
  });
