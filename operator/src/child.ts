import { absent, type BaseObject, type Desired, type Kind, type KubeObject } from 'kube-runtime';

/** One object that should exist: what it is, the fields that matter, and whether it goes when its owner goes. */
export interface Child {
  readonly kind: Kind<BaseObject>;
  readonly desired: Desired<KubeObject>;
  /** False for objects that outlive their owner, such as a namespace lent by an administrator. Default true. */
  readonly owned?: boolean;
  /** False refuses to take over an object that is there without our owner reference. Default true. */
  readonly adopt?: boolean;
  /**
   * For content that is made at random: the version of the object that was there, or `absent`. Where another operator, or an earlier run of whose
   * write nothing was heard, was faster, its content stays.
   */
  readonly basedOn?: string;
}

export const child = (kind: Kind<BaseObject>, desired: Desired<KubeObject>): Child => ({ kind, desired });

export const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
/** For `data` of a Secret. */
export const encoded = (content: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(content).map(([key, text]) => [key, base64(text)]));
export const fromBase64 = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');

/** For {@link Child.basedOn}. */
export const versionOf = (seen: BaseObject | undefined): string => seen?.metadata.resourceVersion ?? absent;
