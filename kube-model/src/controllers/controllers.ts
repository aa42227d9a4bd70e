import type { Site } from '../requests/call.ts';
import { Refused } from '../requests/refused.ts';
import { scaleToLoad } from './autoscalers.ts';
import { runDeployments } from './deployments.ts';
import { collectGarbage } from './garbage.ts';
import { tendNamespaces } from './namespaces.ts';
import { countQuotas } from './quotas.ts';
import { worldOf, type Step } from './step.ts';

/** Kubernetes' own controllers, as far as operators lean on them. They do nothing by themselves: each write is a step that is asked for. */
export class Controllers {
  readonly #site: Site;

  constructor(site: Site) {
    this.#site = site;
  }

  /** Every write that one of them would do now. */
  steps(): Step[] {
    const world = worldOf(this.#site);
    return [collectGarbage, tendNamespaces, countQuotas, scaleToLoad, runDeployments].flatMap((work) => work(world));
  }

  /** Does one step, by default the first. Returns its name, or undefined when there is nothing to do. What the server refuses is left. */
  step(choose: (steps: readonly Step[]) => Step | undefined = ([first]) => first): string | undefined {
    const step = choose(this.steps());
    try {
      step?.run();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    return step?.name;
  }

  /**
   * Steps until nothing changes any more. Returns the names of the steps.
   *
   * @throws Error when that is not reached: two controllers undo each other's work.
   */
  settle(limit = 10_000): string[] {
    const done: string[] = [];
    const idle = new Set<string>();
    while (done.length < limit) {
      const version = this.#site.store.version;
      const name = this.step((steps) => steps.find((step) => !idle.has(step.name)));
      if (name === undefined) return done;
      if (this.#site.store.version === version) idle.add(name);
      else idle.clear();
      done.push(name);
    }
    throw new Error(`the controllers did not come to rest in ${limit} steps; the last was "${done.at(-1) ?? ''}"`);
  }
}
