import { describe, expect, test, vi } from 'vitest';
import { messagesRequest } from './request.ts';

const user = (content: unknown) => ({ role: 'user', content });
const callWith = (json: string) => ({
  messages: [user('Hi'), { role: 'assistant', tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: json } }] }],
});
const heard = (body: object) => messagesRequest({ model: 'claude', max_tokens: 1000, messages: [user('Hi')], ...body });

const refuses = (body: object, told: object) => {
  const cause = expect.objectContaining({ status: 400, ...told }) as unknown;
  expect(() => heard(body)).toThrow(expect.objectContaining({ name: 'NeverSent', cause }));
};

describe('Anthropic hears', () => {
  test('what was asked for, in its own words', () => {
    expect(heard({ temperature: 1.7, stop: 'END', user: 'u1' })).toEqual({
      model: 'claude',
      max_tokens: 1000,
      messages: [user([{ type: 'text', text: 'Hi' }])],
      temperature: 1,
      stop_sequences: ['END'],
      metadata: { user_id: 'u1' },
    });
  });

  test('the temperature or top_p, and of both the temperature alone, since newer models refuse the two together', () => {
    const sampling = (body: object) => {
      const { temperature, top_p } = heard(body);
      return { temperature, top_p };
    };
    expect(sampling({ top_p: 0.9 })).toEqual({ top_p: 0.9 });
    expect(sampling({ temperature: null, top_p: 0.9 })).toEqual({ top_p: 0.9 });
    expect(sampling({ temperature: 0, top_p: 0.9 })).toEqual({ temperature: 0 });
  });

  test('numbers in arguments of tools as they were written', () => {
    const json = '{"id":1234567890123456789,"rate":0.12345678901234567890}';
    expect(JSON.stringify(heard(callWith(json)))).toContain(`"input":${json}`);
  });

  test.each([
    ['whole numbers', '1'],
    ['numbers with a few digits behind the point', '-12.345678'],
    ['texts with numbers in them', '"1e5 \\" 1234567890123456789"'],
  ])('any number of %s, without a look at each', (_, value) => {
    const parsing = vi.spyOn(JSON, 'parse');
    const json = `{"a":[${Array(100_000).fill(value).join()}]}`;
    const body = heard(callWith(json));
    expect(parsing.mock.calls).toEqual([[json]]);
    expect(JSON.stringify(body)).toContain(`"input":${json}`);
  });

  test('a number that could come out as another one among 20,000 values in all calls of tools, and no more', () => {
    const id = '1234567890123456789';
    const listed = (length: number) => `{"a":[${id}${',1'.repeat(length - 1)}]}`;
    const two = (first: string, second: string) => ({ messages: [...callWith(first).messages, ...callWith(second).messages] });
    expect(JSON.stringify(heard(two(listed(9_000), listed(9_000))))).toContain(`"a":[${id},1,1`);
    refuses(two(listed(9_000), listed(11_000)), {
      param: 'messages.3.tool_calls.0.function.arguments',
      problem:
        'messages.3.tool_calls.0.function.arguments: expected at most 20000 values beside numbers of more than 15 digits or with an exponent; ' +
        'send such numbers as strings',
    });
    refuses(callWith(listed(1_000_000)), {});
  });

  test('instructions apart from the conversation, wherever they stood', () => {
    const messages = [
      { role: 'system', content: 'Be kind.' },
      user('Hi'),
      { role: 'developer', content: [{ type: 'text', text: 'And brief.' }] },
    ];
    expect(heard({ messages })).toMatchObject({
      system: [
        { type: 'text', text: 'Be kind.' },
        { type: 'text', text: 'And brief.' },
      ],
      messages: [user([{ type: 'text', text: 'Hi' }])],
    });
  });

  test('tools, their calls and all of their answers in one turn', () => {
    const call = (id: string, city: string) => ({
      id,
      type: 'function',
      function: { name: 'weather', arguments: JSON.stringify({ city }) },
    });
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const body = heard({
      tools: [{ type: 'function', function: { name: 'weather', description: 'Tells it.', parameters } }],
      tool_choice: 'required',
      parallel_tool_calls: false,
      messages: [
        user('Rome and Oslo?'),
        { role: 'assistant', content: '', tool_calls: [call('c1', 'Rome'), call('c2', 'Oslo')] },
        { role: 'tool', tool_call_id: 'c1', content: 'sunny' },
        { role: 'tool', tool_call_id: 'c2', content: 'rain' },
        user('So?'),
      ],
    });
    expect(body).toMatchObject({
      tools: [{ name: 'weather', description: 'Tells it.', input_schema: parameters }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      messages: [
        user([{ type: 'text', text: 'Rome and Oslo?' }]),
        {
          role: 'assistant',
          content: [
            { type: 'tool_use', id: 'c1', name: 'weather', input: { city: 'Rome' } },
            { type: 'tool_use', id: 'c2', name: 'weather', input: { city: 'Oslo' } },
          ],
        },
        user([
          { type: 'tool_result', tool_use_id: 'c1', content: [{ type: 'text', text: 'sunny' }] },
          { type: 'tool_result', tool_use_id: 'c2', content: [{ type: 'text', text: 'rain' }] },
          { type: 'text', text: 'So?' },
        ]),
      ],
    });
  });

  test.each([
    ['none', { type: 'none' }],
    ['auto', { type: 'auto' }],
    [
      { type: 'function', function: { name: 'f' } },
      { type: 'tool', name: 'f' },
    ],
  ])('which tool to call: %j', (tool_choice, expected) => {
    const tools = [{ type: 'function', function: { name: 'f' } }];
    expect(heard({ tools, tool_choice })).toMatchObject({
      tool_choice: expected,
      tools: [{ name: 'f', input_schema: { type: 'object', properties: {} } }],
    });
  });

  test('pictures and PDFs', () => {
    const content = [
      { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' } },
    ];
    expect(heard({ messages: [user(content)] })).toMatchObject({
      messages: [
        user([
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'BBBB' } },
        ]),
      ],
    });
  });

  test('the schema that the answer must have', () => {
    const schema = { type: 'object', properties: {} };
    expect(heard({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } })).toMatchObject({
      output_config: { format: { type: 'json_schema', schema } },
    });
  });

  test('nothing that would cost more than its tokens, nor what it does not know', () => {
    const content = [{ type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } }];
    const body = heard({ messages: [user(content)], seed: 1, made_up: true, thinking: { type: 'enabled' } });
    expect(Object.keys(body).sort()).toEqual(['max_tokens', 'messages', 'model']);
    expect(JSON.stringify(body)).not.toContain('cache_control');
  });

  test.each([
    ['several choices', { n: 2 }, 'n'],
    ['probabilities', { logprobs: true }, 'logprobs'],
    ['JSON without a schema', { response_format: { type: 'json_object' } }, 'response_format.type'],
    ['sound', { messages: [user([{ type: 'input_audio', input_audio: {} }])] }, 'messages.0.content'],
    ['half a call of a tool', callWith('{"a'), 'messages.1.tool_calls.0.function.arguments'],
    [
      'calls of tools that are nested too deeply',
      callWith(`${'{"a":'.repeat(1_001)}1${'}'.repeat(1_001)}`),
      'messages.1.tool_calls.0.function.arguments',
    ],
    ['a number as arguments of a tool', callWith('1234567890123456789'), 'messages.1.tool_calls.0.function.arguments'],
  ])('not %s, which it cannot take', (_, body, param) => {
    refuses(body, { param });
  });
});
