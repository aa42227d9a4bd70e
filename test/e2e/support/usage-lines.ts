/** Lines of `GET /v1/usage`, and what they sum up to. */
import { z } from 'zod';

const tokens = {
  input_tokens: z.int(),
  output_tokens: z.int(),
  cached_tokens: z.int(),
  cache_write_tokens: z.int(),
  reasoning_tokens: z.int(),
};
export const figures = z.object({ requests: z.int(), ...tokens, micro_usd: z.int() });
type Figures = z.infer<typeof figures>;
export const line = figures.extend({ day: z.iso.date(), model: z.string(), key: z.string(), agent: z.string() });
export type Line = z.infer<typeof line>;

export const sum = (all: readonly Figures[]): Figures =>
  all.reduce(
    (one, other) => ({
      requests: one.requests + other.requests,
      input_tokens: one.input_tokens + other.input_tokens,
      output_tokens: one.output_tokens + other.output_tokens,
      cached_tokens: one.cached_tokens + other.cached_tokens,
      cache_write_tokens: one.cache_write_tokens + other.cache_write_tokens,
      reasoning_tokens: one.reasoning_tokens + other.reasoning_tokens,
      micro_usd: one.micro_usd + other.micro_usd,
    }),
    { requests: 0, input_tokens: 0, output_tokens: 0, cached_tokens: 0, cache_write_tokens: 0, reasoning_tokens: 0, micro_usd: 0 },
  );
const placeOf = ({ day, model, key, agent }: Line): string => [day, model, key, agent].join(' ');

/** One line for each day, model, key and agent, in their order. */
export const grouped = (lines: readonly Line[]): Line[] =>
  [...Map.groupBy(lines, placeOf)]
    .sort(([one], [other]) => one.localeCompare(other))
    .flatMap(([, [first, ...others]]) => (first ? [{ ...first, ...sum([first, ...others]) }] : []));
