export type { Change, ChangeHandler, Head, IndexFunction, Informer, Projection } from './cache/informer.ts';
export type {
  Applied,
  ApplyOptions,
  CacheScope,
  CallOptions,
  Cluster,
  DeleteOptions,
  JsonPatchOperation,
  PatchOptions,
  Scope,
  StatusOptions,
  WatchEvent,
} from './cluster/cluster.ts';
export { absent } from './cluster/cluster.ts';
export type { ApiRequest, Method, Write, WriteInterceptor } from './cluster/request.ts';
export type { Wire } from './cluster/wire.ts';
export type {
  BoundController,
  ChildOptions,
  Controller,
  ControllerBuilder,
  ForOptions,
  GoneFunction,
  OwnsOptions,
  ReconcileContext,
  ReconcileFunction,
  Result,
  Signal,
  SignalOptions,
  WatchesOptions,
} from './controller/types.ts';
export {
  isConflict,
  isExpired,
  isForbidden,
  isInvalid,
  isNamespaceTerminating,
  isNotFound,
  KubeError,
  KubeRuntimeError,
  TerminalError,
} from './errors.ts';
export type { EventNote } from './events/event.ts';
export { keyOf, kind, parseKey, pathOf, type Kind, type KindOptions } from './kind.ts';
export { consoleLogger, silentLogger, withFields, type Logger } from './logger.ts';
export type {
  BaseObject,
  Condition,
  Desired,
  DesiredMeta,
  KubeObject,
  ObjectKey,
  ObjectMeta,
  OwnerReference,
  Resource,
  StatusOf,
} from './resource.ts';
export type { LeaseOptions, LeaseTimings, RunOptions } from './run/options.ts';
export { informerTimings, type InformerTimings } from './cache/timings.ts';
export { defaultKeyValue, listKeys } from './apply/schema-facts.ts';
export { connect, connectTo, type ConnectOptions, type ConnectToOptions } from './cluster/connect.ts';
export { refusal, unreachable } from './cluster/failure.ts';
export { findCondition, isTrue, setCondition, type ConditionInput } from './conditions.ts';
export { controller, type ControllerStart } from './controller/builder.ts';
export { generationChanged, specChanged } from './controller/predicates.ts';
export { EventRecorder } from './events/recorder.ts';
export { addFinalizer, hasFinalizer, removeFinalizer } from './finalizers.ts';
export { controllerOf, isControlledBy, ownerReference } from './owners.ts';
export { run } from './run/run.ts';
