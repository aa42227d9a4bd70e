/** There and back: from one right spec to another, or to a wrong one, and back again. */
import fc from 'fast-check';
import { tenantClassSpec } from '../../../operator/src/api/tenant-class.ts';
import { revisionNameOf } from '../../../operator/src/class/revisions.ts';
import { starterSpec } from '../person.ts';
import { agentWishes } from './agent.ts';
import { providerWishes } from './model-provider.ts';
import { classWishes } from './tenant-class.ts';
import { tenantWishes } from './tenant.ts';
import { wishesFrom, type Spec, type Wish } from './wish.ts';

export const wishes = {
  tenant: tenantWishes(revisionNameOf('starter', tenantClassSpec.parse(starterSpec))),
  agent: agentWishes,
  class: classWishes,
  provider: providerWishes,
} as const;
export type About = keyof typeof wishes;

export interface Journey {
  readonly about: About;
  /** Where it begins, and ends; undefined: at the spec that was there from the start. */
  readonly from: Spec | undefined;
  readonly to: Wish;
  /** After so many things that happen one goes back, whatever has been done by then; undefined: when all is done. */
  readonly hasty: number | undefined;
}

const journeyOf = (about: About): fc.Arbitrary<Journey> =>
  fc.record({
    about: fc.constant(about),
    from: fc.option(wishes[about].valid, { nil: undefined, freq: 2 }),
    to: wishesFrom(wishes[about]),
    hasty: fc.option(fc.nat(60), { nil: undefined, freq: 2 }),
  });

/** A class and a provider concern many, so they take longer. */
export const journeys: fc.Arbitrary<Journey> = fc.oneof(
  { weight: 4, arbitrary: journeyOf('tenant') },
  { weight: 4, arbitrary: journeyOf('agent') },
  { weight: 1, arbitrary: journeyOf('class') },
  { weight: 1, arbitrary: journeyOf('provider') },
);
