/**
 * Everything an agent's pod is told, in one immutable document: the operator writes it into a ConfigMap named by its hash, the pod reads it
 * from {@link agentFiles.document}. Holds no secret.
 */
import { z } from 'zod';
import { modelName } from './models.ts';

const range = z.object({ min: z.number(), max: z.number() });

/** The most that `limits.requestTimeoutSeconds` may be. */
export const longestRequestSeconds = 3_600;

export const agentDocument = z.object({
  tenant: z.string(),
  agent: z.string(),
  /** Base URL of egress, ends with /v1. */
  egressURL: z.url(),
  /** What a caller token must say. The keys stand in {@link agentFiles.identity}, since they change while pods run. */
  identity: z.object({ issuer: z.string(), audience: z.string() }),
  model: modelName,
  /** Tried in order when the model before is unreachable. */
  fallbacks: z.array(modelName),
  parameters: z.object({
    temperature: z.number().min(0).max(2).optional(),
    topP: z.number().min(0).max(1).optional(),
    maxOutputTokens: z.int().positive().optional(),
  }),
  /** System prompt. `{{tenant}}`, `{{agent}}` and `{{date}}` are filled in. */
  instructions: z.string(),
  memory: z.object({
    /** How many earlier messages of a conversation go to the model. */
    maxMessages: z.int().nonnegative(),
  }),
  limits: z.object({
    requestTimeoutSeconds: z.int().positive(),
    maxMessageBytes: z.int().positive(),
  }),
  /** What the settings API may change, and how far. Absent: not at all. */
  settings: z.object({
    models: z.array(modelName).optional(),
    temperature: range.optional(),
    maxOutputTokens: range.optional(),
    /** Longest text that may be added to the instructions, in characters. */
    additionalInstructions: z.object({ maxLength: z.int().positive() }).optional(),
  }),
});
export type AgentDocument = z.infer<typeof agentDocument>;
