/** Answers as Azure OpenAI words them, for a double of its wire format. No model is behind it. */
import { chunk, type Answer } from '../provider.double.ts';

const unharmful = { hate: { filtered: false, severity: 'safe' }, violence: { filtered: false, severity: 'safe' } };

/** The first chunk of a stream: what the filter thinks of the prompt, and no choice. */
export const promptChunk = chunk({
  id: '',
  model: '',
  object: '',
  choices: [],
  prompt_filter_results: [{ prompt_index: 0, content_filter_results: unharmful }],
});

export const filteredPiece = (content: string): string =>
  chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null, content_filter_results: unharmful }], usage: null });

/** The end of an answer that the filter has stopped. */
export const filteredEnd = chunk({
  choices: [
    { index: 0, delta: {}, finish_reason: 'content_filter', content_filter_results: { hate: { filtered: true, severity: 'high' } } },
  ],
  usage: null,
});

export const refusal =
  (status: number, error: object, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ error }));
  };

/** The filter refuses the prompt. */
export const promptRefused = refusal(400, {
  message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
  type: null,
  param: 'prompt',
  code: 'content_filter',
  status: 400,
  innererror: { code: 'ResponsibleAIPolicyViolation', content_filter_result: { hate: { filtered: true, severity: 'high' } } },
});
