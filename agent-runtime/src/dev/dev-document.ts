import { agentAudienceOf, edgeIssuer, type AgentDocument } from '@cloister/tenancy';

export interface DevDocumentOptions {
  readonly egressURL: string;
  readonly model: string;
  readonly instructions: string;
}

/** An agent with generous bounds, as an AgentConfig of examples/ would yield. */
export const devDocument = ({ egressURL, model, instructions }: DevDocumentOptions): AgentDocument => ({
  tenant: 'dev',
  agent: 'assistant',
  egressURL,
  identity: { issuer: edgeIssuer, audience: agentAudienceOf('dev') },
  model,
  fallbacks: [],
  parameters: {},
  instructions,
  memory: { maxMessages: 20 },
  limits: { requestTimeoutSeconds: 120, maxMessageBytes: 262_144 },
  settings: {
    temperature: { min: 0, max: 2 },
    maxOutputTokens: { min: 1, max: 8_192 },
    additionalInstructions: { maxLength: 2_000 },
  },
});
