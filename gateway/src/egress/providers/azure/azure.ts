/**
 * Azure OpenAI: OpenAI's protocol with the key in a header of its own. A model is a deployment. In the older API each deployment has an
 * address of its own, and every address a version.
 */
import type { Dialect } from '../openai/openai.ts';

export const azureOpenAI: Partial<Dialect> = {
  address: (route, { provider: { apiVersion }, body }) =>
    apiVersion === undefined
      ? route
      : `/deployments/${encodeURIComponent(String(body['model']))}${route}?api-version=${encodeURIComponent(apiVersion)}`,
  credential: (key) => ({ 'api-key': key }),
};
