/**
 * Every reason that a condition can give, in one table: reason → what it means, and whether it passes by itself.
 * `waits`: the operator goes on by itself. `needs someone`: a person must change something; the condition's message says what.
 */
export const reasons = {
  Ready: { kind: 'good', means: 'everything is as the spec says' },
  Suspended: { kind: 'good', means: 'spec.state is Suspended, so nothing runs' },
  Archived: { kind: 'good', means: 'spec.state is Archived, so nothing runs and nobody gets in; data and keys are kept' },
  ScaledToZero: { kind: 'good', means: 'spec.replicas is 0, so nothing runs' },
  Closed: { kind: 'good', means: 'nothing is open but what agents need' },
  WithinBudget: { kind: 'good', means: 'something is left of every limit of the budget, or there is none' },
  NoAgents: { kind: 'good', means: 'the namespace holds no AgentConfig yet' },

  Pending: { kind: 'waits', means: 'something before this has to exist first' },
  Stopping: { kind: 'waits', means: 'pods of an archived tenant are ending' },
  RollingOut: { kind: 'waits', means: 'what is new is replacing what was before: pods, or the revision of a class' },
  WavePause: { kind: 'waits', means: 'the next wave of a rollout waits for spec.rollout.pauseSeconds to pass' },
  RolloutPaused: { kind: 'waits', means: 'spec.rollout.paused holds the next wave of a rollout' },
  Deleting: { kind: 'waits', means: 'it is being deleted, step by step' },
  NamespaceTerminating: { kind: 'waits', means: 'a namespace of that name is still being deleted' },
  AgentsNotReady: { kind: 'waits', means: 'at least one AgentConfig is not Ready; its own status says why' },
  DataUnreachable: { kind: 'waits', means: 'Postgres or Redis did not answer; tried again with growing pauses' },
  ApplyFailed: { kind: 'waits', means: 'the API server refused a child; tried again with growing pauses' },
  OperatorBehind: { kind: 'waits', means: 'the operator has not looked at the newest spec for longer than it should take' },
  AdminSecretMissing: { kind: 'waits', means: "the operator's own credentials for Postgres or Redis are not there yet" },

  InvalidSpec: { kind: 'needs someone', means: 'the stored spec does not fit the schema of this version' },
  ClassNotFound: { kind: 'needs someone', means: 'spec.classRef names no TenantClass, or there is no default class' },
  RevisionUnknown: {
    kind: 'needs someone',
    means: 'spec.classRef.revision names no revision of the class; the tenant stays on the one it has',
  },
  RolloutStopped: { kind: 'needs someone', means: 'tenants stopped being Ready after they were moved to the new revision of their class' },
  SeveralDefaults: { kind: 'needs someone', means: 'more than one TenantClass says spec.default' },
  NamespaceTaken: { kind: 'needs someone', means: "a namespace of that name exists and is not this tenant's" },
  AboveClassCeiling: { kind: 'needs someone', means: 'the spec asks for more than its class allows; the ceiling applies' },
  TimeZoneUnknown: { kind: 'needs someone', means: 'spec.budget.timeZone is no IANA time zone; UTC applies' },
  HostTaken: { kind: 'needs someone', means: 'another tenant has that host name' },
  IssuerTaken: { kind: 'needs someone', means: 'another tenant has that OIDC issuer and audience' },
  SecretMissing: { kind: 'needs someone', means: 'a Secret that the spec names is not there' },
  SecretInvalid: { kind: 'needs someone', means: 'a Secret that the spec names lacks the key, or its value is unfit' },
  ProviderUnknown: { kind: 'needs someone', means: 'spec.providerKeys names no ModelProvider' },
  OwnKeyForbidden: { kind: 'needs someone', means: 'spec.providerKeys has a key for a ModelProvider that takes none of tenants' },
  DataTaken: { kind: 'needs someone', means: 'a database schema of that name belongs to another Tenant' },
  DataOpen: { kind: 'needs someone', means: 'every role may enter the database that tenants share, and the operator may not close it' },
  PolicyWidens: { kind: 'needs someone', means: "a NetworkPolicy that is not the operator's opens more than agents need" },
  ModelUnknown: { kind: 'needs someone', means: 'an allowed model is offered by no ModelProvider that this tenant may use' },
  BudgetSpent: {
    kind: 'needs someone',
    means: 'a limit of the budget is used up; calls are refused until its window ends or it is raised',
  },
  TooManyAgents: { kind: 'needs someone', means: 'the tenant has as many older AgentConfigs as spec.quota.agents allows' },
  ModelNotAllowed: { kind: 'needs someone', means: 'the agent names a model that its tenant may not use' },
  AgentNotFound: { kind: 'needs someone', means: 'spec.defaultAgent, or every agent of one of spec.trafficSplits, is no AgentConfig' },
  NamespaceNotTenant: { kind: 'needs someone', means: 'the AgentConfig stands in a namespace of no tenant' },
  RolloutFailing: { kind: 'needs someone', means: 'new pods do not become ready; pods that were ready before go on serving' },
} as const satisfies Record<string, { kind: 'good' | 'waits' | 'needs someone'; means: string }>;

export type Reason = keyof typeof reasons;

export const reasonNames = Object.keys(reasons).filter((name): name is Reason => name in reasons);
