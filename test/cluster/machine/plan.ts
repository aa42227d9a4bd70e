import { inside } from '../paths.ts';

/** What `go/node` is told about the machine it makes; its `plan.go` explains each field. */
export interface Plan {
  readonly owner: string;
  readonly hostname: string;
  readonly log: string;
  readonly events: string;
  readonly keeper?: number;
  readonly link: string;
  readonly forward?: { readonly listen: string; readonly dial: string };
  readonly setup: readonly (readonly string[])[];
  readonly components: readonly Component[];
}

/** A program that runs as long as the machine. Paths are paths inside. */
export interface Component {
  readonly name: string;
  readonly command: readonly string[];
  /** Names of components that must be ready first. */
  readonly after: readonly string[];
  readonly log: string;
  readonly pidFile: string;
  readonly ready: Probe;
  /** What to try when it does not come up. */
  readonly remedy: string;
}

/** Ready when the URL answers 200, or the unix socket accepts; neither: as soon as it runs. */
export interface Probe {
  readonly url?: string;
  readonly ca?: string;
  readonly socket?: string;
}

interface ComponentOptions {
  readonly after?: readonly string[];
  readonly ready?: Probe;
  readonly remedy?: string;
}

export function component(name: string, command: readonly string[], options: ComponentOptions = {}): Component {
  return {
    name,
    command,
    after: options.after ?? [],
    log: `${inside.cluster}/log/${name}.log`,
    pidFile: `${inside.cluster}/pids/${name}`,
    ready: options.ready ?? {},
    remedy: options.remedy ?? 'run it again; if it fails the same way, `make clean` and then `make up` build everything anew',
  };
}

export type Flags = Readonly<Record<string, string | number | boolean>>;

/** `--name=value` for every entry: the way all Kubernetes components take their flags. */
export function flags(values: Flags): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}
