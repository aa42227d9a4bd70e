/** What is done to both servers. Versions, UIDs and owners are named, not given: each server has its own. */
import type { KindName } from './kinds.fixture.ts';

export interface Target {
  readonly kind: KindName;
  /** 0 is there from the start; 1 comes and goes. */
  readonly space: 0 | 1;
  readonly name: string;
}

export interface Content {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly owners?: readonly { readonly of: Target; readonly blocks: boolean; readonly controls: boolean; readonly real: boolean }[];
  readonly fields: Readonly<Record<string, unknown>>;
}

export type VersionNamed = 'none' | 'current' | 'stale';
export type UidNamed = 'none' | 'current' | 'other';

export type Operation =
  | {
      readonly type: 'create';
      readonly target: Target;
      readonly manager: string;
      readonly content: Content;
      readonly generated: boolean;
      readonly version: VersionNamed;
    }
  | {
      readonly type: 'put';
      readonly target: Target;
      readonly manager: string;
      readonly content: Content;
      readonly version: VersionNamed;
      readonly uid: UidNamed;
    }
  | {
      readonly type: 'merge';
      readonly target: Target;
      readonly manager: string;
      readonly content: Content;
      readonly remove: readonly string[];
      readonly version: VersionNamed;
    }
  | { readonly type: 'json'; readonly target: Target; readonly manager: string; readonly operations: readonly JsonOperation[] }
  | {
      readonly type: 'apply';
      readonly target: Target;
      readonly manager: string;
      readonly content: Content;
      readonly force: boolean;
      readonly version: VersionNamed;
      readonly uid: UidNamed;
    }
  | {
      readonly type: 'status';
      readonly how: 'put' | 'merge' | 'json' | 'apply';
      readonly target: Target;
      readonly manager: string;
      readonly status: Readonly<Record<string, unknown>>;
      readonly uid: UidNamed;
    }
  | {
      readonly type: 'scale';
      readonly how: 'get' | 'put' | 'merge';
      readonly target: Target;
      readonly manager: string;
      readonly replicas: number;
    }
  | {
      readonly type: 'delete';
      readonly target: Target;
      readonly policy: 'Background' | 'Foreground' | 'Orphan' | undefined;
      readonly version: VersionNamed;
      readonly uid: UidNamed;
    }
  | { readonly type: 'space'; readonly how: 'create' | 'apply' | 'delete' | 'finalize'; readonly finalizer: boolean }
  | { readonly type: 'list'; readonly kind: KindName; readonly labels: string; readonly limit: number; readonly at: StateNamed };

/**
 * As it is now; no older than the last list that was seen; as it was when the first list was seen; where the last page of the kind ended.
 * As it is now where there is no such list.
 */
export type StateNamed = 'now' | 'fresh' | 'earlier' | 'next page';

export interface JsonOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly path: string;
  /** `'uid'` and `'version'` stand for those of the live object. */
  readonly value?: unknown;
}
