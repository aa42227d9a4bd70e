/** How chat completions are shared out among the agents of a tenant, such as the one in use and its next revision. */
import { largestWeight } from '@cloister/tenancy';
import { z } from 'zod';
import { agentName, agentNamePattern, listMap, rules, worded } from './fields.ts';

const sharing = z.object({
  name: agentName().describe("An AgentConfig in the tenant's namespace."),
  weight: z
    .int()
    .min(0)
    .max(largestWeight)
    .describe('Its share is weight ÷ sum of all weights of the split, which need not be 100. 0: none.')
    .default(1),
});

const trafficSplit = z.object({
  name: worded(
    agentNamePattern,
    40,
    'expected a name such as AgentConfigs have: a lower-case letter, then lower-case letters, digits and "-", at most 40',
  ).describe('What callers say as "model". An AgentConfig of that name is asked beyond its share only where path or query name it.'),
  agents: z
    .array(sharing)
    .min(1)
    .max(8)
    .meta({
      ...listMap('name'),
      ...rules({
        rule: 'self.exists(agent, !has(agent.weight) || agent.weight > 0)',
        message: 'every weight is 0, so nobody would answer; set one to 1 or more',
      }),
    })
    .describe('Who answers.'),
});

export const trafficSplits = z
  .array(trafficSplit)
  .max(16)
  .meta(listMap('name'))
  .describe(
    'Chat completions for one name, shared out among several AgentConfigs: a new revision of an agent is an AgentConfig of its own that gets a small ' +
      'weight first. The name counts as "model", and as that of the default agent where a request names none. Requests that name an agent by path or query, ' +
      'and everything but chat completions, are not shared out. An agent that is not there, is scaled to zero or cannot be reached has no share; the others answer in its place.',
  )
  .optional();

export const trafficSplitsStatus = z
  .array(
    z.object({
      name: z.string().describe('What callers say as "model".'),
      agents: z
        .array(
          z.object({
            name: z.string().describe('The AgentConfig.'),
            percent: z.number().min(0).max(100).describe('Of the requests, to a hundredth; 0 for one that is not there or scaled to zero.'),
          }),
        )
        .meta(listMap('name'))
        .describe('Who answers.'),
    }),
  )
  .meta(listMap('name'))
  .describe('The shares in force. What cannot be reached for a moment is not seen here.')
  .optional();
