/**
 * A chat completion request in the words of Anthropic's Messages API.
 *
 * Guarantee: only what is known here goes out, so nothing in it costs more than its tokens at their plain price (marks for the prompt cache,
 * whose writes are dearer, stay behind). What cannot be said in the other words and would change the answer's meaning is refused; mere wishes
 * (`seed`, penalties, `reasoning_effort`, `top_p` beside a temperature) are left out, as Anthropic's own layer for OpenAI's clients does.
 */
import { z } from 'zod';
import { refused, type JsonObject } from '../provider.ts';
import { ExactJSON, TooManyValues } from './exact-json.ts';

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const refusalPart = z.object({ type: z.literal('refusal'), refusal: z.string() });
const imagePart = z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) });
const filePart = z.object({ type: z.literal('file'), file: z.object({ file_data: z.string(), filename: z.string().nullish() }) });
const texts = z.union([z.string(), z.array(textPart)]);

const toolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
});
const message = z.discriminatedUnion('role', [
  z.object({ role: z.literal('system'), content: texts }),
  z.object({ role: z.literal('developer'), content: texts }),
  z.object({
    role: z.literal('user'),
    content: z.union([z.string(), z.array(z.discriminatedUnion('type', [textPart, imagePart, filePart]))]),
  }),
  z.object({
    role: z.literal('assistant'),
    content: z.union([z.string(), z.array(z.discriminatedUnion('type', [textPart, refusalPart]))]).nullish(),
    refusal: z.string().nullish(),
    tool_calls: z.array(toolCall).nullish(),
  }),
  z.object({ role: z.literal('tool'), tool_call_id: z.string(), content: texts }),
]);
type Message = z.infer<typeof message>;

const tool = z.object({
  type: z.literal('function'),
  function: z.object({
    name: z.string(),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
});
const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }),
]);
const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_schema'), json_schema: z.object({ schema: z.record(z.string(), z.unknown()) }) }),
]);
const absent = (problem: string) => z.union([z.null(), z.literal(false), z.literal(0)], problem).optional();

const request = z.object({
  model: z.string(),
  messages: z.array(message),
  max_tokens: z.number().nullish(),
  max_completion_tokens: z.number().nullish(),
  stream: z.boolean().nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: responseFormat.nullish(),
  user: z.string().nullish(),
  n: z.literal(1, 'this provider makes one choice').nullish(),
  logprobs: absent('this provider tells no probabilities'),
  top_logprobs: absent('this provider tells no probabilities'),
  functions: absent('use tools'),
  function_call: absent('use tool_choice'),
});
type ChatRequest = z.infer<typeof request>;

/** In arguments of all calls of tools in a request: some tens of milliseconds, in which nobody else is served. */
const mostInexactValues = 20_000;

/** Throws what {@link refused} makes, which names the field. */
export function messagesRequest(body: JsonObject): JsonObject {
  const { data, error } = request.safeParse(body);
  if (!data) {
    const [issue] = error.issues;
    const param = issue?.path.join('.') ?? '';
    throw refused({ problem: `${param}: ${issue?.message ?? 'not as expected'}`, param });
  }
  const instructions = data.messages.flatMap((one) => (one.role === 'system' || one.role === 'developer' ? textBlocks(one.content) : []));
  return {
    model: data.model,
    max_tokens: Math.min(data.max_tokens ?? Infinity, data.max_completion_tokens ?? Infinity),
    messages: turns(data.messages, new ExactJSON(mostInexactValues)),
    ...(instructions.length > 0 ? { system: instructions } : {}),
    ...(data.stream === true ? { stream: true } : {}),
    ...choosingOf(data),
    ...formatOf(data),
    ...toolsOf(data),
  };
}

function choosingOf({ temperature, top_p, stop, user }: ChatRequest): JsonObject {
  const ends = typeof stop === 'string' ? [stop] : stop;
  return {
    ...samplingOf(temperature, top_p),
    ...(ends && ends.length > 0 ? { stop_sequences: ends } : {}),
    ...(typeof user === 'string' ? { metadata: { user_id: user } } : {}),
  };
}

/** One of the two: newer models refuse both. The temperature, which an AgentConfig can bound, comes first. */
function samplingOf(temperature: ChatRequest['temperature'], top_p: ChatRequest['top_p']): JsonObject {
  if (typeof temperature === 'number') return { temperature: Math.min(1, temperature) };
  return typeof top_p === 'number' ? { top_p } : {};
}

const formatOf = ({ response_format: format }: ChatRequest): JsonObject =>
  format?.type === 'json_schema' ? { output_config: { format: { type: 'json_schema', schema: format.json_schema.schema } } } : {};

function toolsOf({ tools, tool_choice: choice, parallel_tool_calls: parallel }: ChatRequest): JsonObject {
  if (!tools || tools.length === 0) return {};
  const one = parallel === false ? { disable_parallel_tool_use: true } : {};
  const chosen = {
    none: { type: 'none' },
    auto: { type: 'auto', ...one },
    required: { type: 'any', ...one },
  } as const;
  return {
    tools: tools.map(({ function: { name, description, parameters, strict } }) => ({
      name,
      ...(typeof description === 'string' ? { description } : {}),
      input_schema: parameters ?? { type: 'object', properties: {} },
      ...(strict === true ? { strict } : {}),
    })),
    tool_choice: typeof choice === 'object' && choice ? { type: 'tool', name: choice.function.name, ...one } : chosen[choice ?? 'auto'],
  };
}

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: JsonObject[];
}

/** Messages of one side that follow each other are one turn: all answers of tools must be in the turn after the calls. */
function turns(messages: readonly Message[], inputs: ExactJSON): Turn[] {
  const list: Turn[] = [];
  messages.forEach((one, position) => {
    if (one.role === 'system' || one.role === 'developer') return;
    const role = one.role === 'assistant' ? 'assistant' : 'user';
    const content = blocksOf(one, `messages.${position}`, inputs);
    const last = list.at(-1);
    if (last?.role === role) last.content.push(...content);
    else if (content.length > 0) list.push({ role, content });
  });
  return list;
}

function blocksOf(one: Exclude<Message, { role: 'system' } | { role: 'developer' }>, path: string, inputs: ExactJSON): JsonObject[] {
  if (one.role === 'tool') return [{ type: 'tool_result', tool_use_id: one.tool_call_id, content: textBlocks(one.content) }];
  if (one.role === 'user') {
    if (typeof one.content === 'string') return textBlocks(one.content);
    return one.content.flatMap((part, position) => {
      if (part.type === 'text') return textBlocks(part.text);
      if (part.type === 'image_url') return [{ type: 'image', source: imageSource(part.image_url.url, `${path}.content.${position}`) }];
      return [{ type: 'document', source: pdfSource(part.file.file_data, `${path}.content.${position}`) }];
    });
  }
  const { content, refusal, tool_calls: calls } = one;
  const said = typeof content === 'string' ? [content] : (content ?? []).map((part) => (part.type === 'text' ? part.text : part.refusal));
  return [
    ...[...said, refusal ?? ''].flatMap(textBlocks),
    ...(calls ?? []).map(({ id, function: { name, arguments: json } }, position) => ({
      type: 'tool_use',
      id,
      name,
      input: inputOf(json, `${path}.tool_calls.${position}.function.arguments`, inputs),
    })),
  ];
}

/** Anthropic refuses texts that are empty. */
function textBlocks(content: z.infer<typeof texts>): JsonObject[] {
  const list = typeof content === 'string' ? [content] : content.map(({ text }) => text);
  return list.filter((text) => text !== '').map((text) => ({ type: 'text', text }));
}

const dataURL = /^data:([^;,]+);base64,(.*)$/s;

function imageSource(url: string, param: string): JsonObject {
  const [, media_type, data] = dataURL.exec(url) ?? [];
  if (data !== undefined) return { type: 'base64', media_type, data };
  if (/^https?:\/\//.test(url)) return { type: 'url', url };
  throw refused({ problem: `${param}: expected an http(s) or a base64 data URL`, param });
}

function pdfSource(url: string, param: string): JsonObject {
  const [, media_type, data] = dataURL.exec(url) ?? [];
  if (data !== undefined && media_type === 'application/pdf') return { type: 'base64', media_type, data };
  throw refused({ problem: `${param}: expected a PDF as a base64 data URL`, param });
}

function inputOf(json: string, param: string, inputs: ExactJSON): unknown {
  let problem = 'expected a JSON object';
  try {
    const input = inputs.parse(json === '' ? '{}' : json);
    if (typeof input === 'object' && input !== null && !Array.isArray(input) && !JSON.isRawJSON(input)) return input;
  } catch (error) {
    if (error instanceof TooManyValues) problem = error.message; // the parser's own words quote the text
  }
  throw refused({ problem: `${param}: ${problem}`, param });
}
