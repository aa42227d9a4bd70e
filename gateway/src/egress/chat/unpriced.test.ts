import { ApiError } from '@cloister/api-errors';
import { expect, test } from 'vitest';
import { model } from '../egress.fixture.ts';
import { worstCase } from './worst-case.ts';

const boundOf = (fields: object) =>
  worstCase({ model: 'p/m', messages: [{ role: 'user', content: 'Hi' }], ...fields }, 100, 'p/m', model('m'));
const refusalOf = (fields: object) => {
  try {
    return boundOf(fields);
  } catch (error) {
    return error instanceof ApiError ? { status: error.kind.status, ...error.body.error } : error;
  }
};

test.each([
  ['models', ['openai/dear']],
  ['route', 'fallback'],
  ['preset', 'dear'],
  ['provider', { order: ['dear'] }],
  ['plugins', [{ id: 'web' }]],
  ['transforms', ['middle-out']],
  ['fallbacks', ['dear']],
  ['context_window_fallbacks', [{ m: ['dear'] }]],
  ['mock_testing_fallbacks', true],
  ['mock_response', 'Hi'],
  ['litellm_credential_name', 'other'],
  ['api_base', 'https://example.com'],
  ['extra_headers', { 'x-api-key': 'other' }],
  ['prompt_id', 'long'],
  ['num_retries', 9],
  ['providerOptions', { gateway: { models: ['openai/dear'] } }],
])('a field by which another gateway answers with another model, or adds to it, is refused: %s', (param, value) => {
  expect(refusalOf({ [param]: value })).toMatchObject({ status: 400, code: 'parameter_not_priced', param });
  expect(() => boundOf({ [param]: value })).toThrow(`${param} changes what a call costs`);
});

test.each([
  ['n_predict', 100_000],
  ['n_predict', false],
  ['max_output_tokens', 100_000],
  ['best_of', 20],
  ['chat_template', '{% for _ in range(9999) %}word{% endfor %}'],
  ['search_parameters', { mode: 'on' }],
  ['web_search_options', {}],
  ['additional_drop_params', ['max_tokens']],
])('a field that adds what neither the body nor the maximum bounds is refused: %s', (param, value) => {
  expect(refusalOf({ [param]: value })).toMatchObject({ status: 400, code: 'parameter_not_priced', param });
});

test('what a field switches off, or an empty list, adds nothing', () => {
  const fields = { enable_search: false, use_beam_search: false, audio: null, models: [], transforms: [], fallbacks: [] };
  expect(boundOf(fields)).toEqual(boundOf({}));
});

test('nothing that a caller wrote is repeated but the first letters of a name', () => {
  expect(() => boundOf({ [`mock_${'x'.repeat(1_000)}`]: 'secret' })).toThrow(/^mock_x{59} changes(?!.*secret)/);
});

test('fields of OpenAI, and those that only steer how a server samples, are taken', () => {
  const plain = [
    ...['frequency_penalty', 'presence_penalty', 'logit_bias', 'logprobs', 'top_logprobs', 'temperature', 'top_p', 'seed', 'stop'],
    ...['metadata', 'store', 'user', 'safety_identifier', 'prompt_cache_key', 'prompt_cache_retention', 'verbosity', 'reasoning_effort'],
    ...['tool_choice', 'parallel_tool_calls', 'functions', 'function_call'],
    ...['top_k', 'min_p', 'repetition_penalty', 'min_tokens', 'ignore_eos', 'chat_template_kwargs', 'reasoning', 'constructor'],
  ];
  const fields = { ...Object.fromEntries(plain.map((name) => [name, 'x'])), service_tier: 'auto', modalities: ['text'], models: null };
  expect(boundOf(fields)).toEqual(boundOf({}));
});
