/**
 * From findings to `status.conditions`.
 *
 * Guarantees: the same findings always make the same conditions, so a repeat writes nothing; nothing is claimed of what was not looked at;
 * `lastTransitionTime` moves only when `status` does; `Ready`, `Reconciling` and `Stalled` follow kstatus, which `kubectl wait`, Argo CD and Flux understand.
 */
import { findCondition, isTrue, setCondition, type BaseObject, type Condition } from 'kube-runtime';
import type { Finding } from './finding.ts';
import { reasons, type Reason } from './reasons.ts';

export interface Judgement<Type extends string> {
  readonly object: BaseObject;
  readonly previous: readonly Condition[] | undefined;
  readonly findings: readonly Finding<Type>[];
  /** The parts that are judged one by one. A part that was looked at and has no finding is True. */
  readonly parts: readonly Type[];
  /** Parts and warnings that nobody looked at. Where nothing was found about one, it stays as it was told before, or is Unknown. */
  readonly unseen?: readonly Type[];
  /** There is nothing of it, so what was told of unseen parts before is over. */
  readonly absent?: boolean;
  /** Parts that are shown but do not keep the whole from being Ready. */
  readonly advisory?: readonly Type[];
  /** Conditions of negative polarity, named for the trouble: True where something was found. Shown, but never keep the whole from being Ready. */
  readonly warnings?: readonly Type[];
  /** What to say of the whole, of a part or of a warning when all is well. */
  readonly good: Readonly<Partial<Record<Type | 'Ready', { readonly reason: Reason; readonly message: string }>>>;
  readonly now: Date;
}

/** One that stays as it was told before also stays about the generation of then. */
type Draft = Pick<Condition, 'type' | 'status' | 'reason' | 'message'> & Partial<Pick<Condition, 'observedGeneration'>>;

export function judge<Type extends string>(judgement: Judgement<Type>): Condition[] {
  const { advisory = [], warnings = [] } = judgement;
  const serious = judgement.findings.filter(({ condition }) => !advisory.includes(condition) && !warnings.includes(condition));
  const waits = serious.filter((finding) => reasons[finding.reason].kind === 'waits');
  const needsSomeone = serious.filter((finding) => reasons[finding.reason].kind === 'needs someone');
  const drafts: Draft[] = [
    // Whoever is needed is told so; what only takes time would distract.
    readiness(judgement, needsSomeone.length > 0 ? needsSomeone : waits),
    // Never beside Stalled: kstatus would see progress where a person is awaited.
    abnormal('Reconciling', needsSomeone.length > 0 ? [] : waits, 'nothing is in progress'),
    abnormal('Stalled', needsSomeone, 'nothing needs a person'),
    ...judgement.parts.map((part) => unseenCondition(judgement, part) ?? partCondition(judgement, part)),
    ...warnings.map((warning) => unseenCondition(judgement, warning) ?? warningCondition(judgement, warning)),
  ];
  return dated(drafts, judgement);
}

/** Whether the whole is Ready according to conditions made by {@link judge}. */
export const isReady = (conditions: readonly Condition[] | undefined): boolean => isTrue(conditions, 'Ready');

/** Whether an agent answers: with the wanted configuration, or with the one before while the next is being rolled out. */
export const serves = (conditions: readonly Condition[] | undefined): boolean =>
  isReady(conditions) || (isTrue(conditions, 'Available') && !isTrue(conditions, 'Stalled'));

function readiness<Type extends string>({ good }: Judgement<Type>, findings: readonly Finding<Type>[]): Draft {
  const [first] = findings;
  if (first) return { type: 'Ready', status: 'False', reason: first.reason, message: worded(findings) };
  return { type: 'Ready', status: 'True', ...(good.Ready ?? { reason: 'Ready', message: 'everything is as the spec says' }) };
}

function abnormal(type: string, findings: readonly Finding<string>[], otherwise: string): Draft {
  const [first] = findings;
  if (first) return { type, status: 'True', reason: first.reason, message: worded(findings) };
  return { type, status: 'False', reason: 'Ready', message: otherwise };
}

function unseenCondition<Type extends string>(
  { findings, unseen = [], absent = false, previous }: Judgement<Type>,
  type: Type,
): Draft | undefined {
  if (!unseen.includes(type) || findings.some(({ condition }) => condition === type)) return undefined;
  const before = findCondition(previous, type);
  if (before && before.status !== 'Unknown' && !absent) return before;
  const first = findings.find(({ blocks }) => blocks) ?? findings[0];
  const why = first ? `${first.condition} comes first (${first.reason})` : 'what comes first is not there';
  return { type, status: 'Unknown', reason: 'Pending', message: `not looked at: ${why}` };
}

function partCondition<Type extends string>({ findings, good }: Judgement<Type>, part: Type): Draft {
  const own = findings.filter((finding) => finding.condition === part);
  const [first] = own;
  if (first) return { type: part, status: 'False', reason: first.reason, message: worded(own) };
  const praise = good[part];
  return { type: part, status: 'True', reason: praise?.reason ?? 'Ready', message: praise?.message ?? '' };
}

function warningCondition<Type extends string>({ findings, good }: Judgement<Type>, warning: Type): Draft {
  const own = findings.filter((finding) => finding.condition === warning);
  const draft = abnormal(warning, own, good[warning]?.message ?? '');
  return own.length > 0 ? draft : { ...draft, reason: good[warning]?.reason ?? draft.reason };
}

const worded = (findings: readonly Finding<string>[]): string =>
  [...new Set(findings.map((finding) => finding.message))].join('; ').slice(0, 4096);

/** Without conditions that are judged no more, and always in the same order. */
function dated<Type extends string>(drafts: readonly Draft[], { object, previous, now }: Judgement<Type>): Condition[] {
  const about = { observedGeneration: object.metadata.generation ?? 0 };
  return drafts.flatMap((draft) => {
    const before = previous?.filter(({ type }) => type === draft.type);
    return setCondition(before, { ...about, ...draft }, now);
  });
}
