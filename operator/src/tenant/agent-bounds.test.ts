import { describe, expect, test } from 'vitest';
import { boundsOf } from './agent-bounds.ts';
import { agentNamed } from './snapshot.fixture.ts';

const of = (spec: object) => boundsOf({ ...agentNamed('support'), spec: { model: 'offline/echo', ...spec } });

describe('what egress lets an agent ask for', () => {
  test('is not bounded where its AgentConfig bounds nothing', () => {
    expect(of({})).toBeUndefined();
    expect(of({ parameters: { temperature: 1 } })).toBeUndefined(); // a default for callers that do not say
  });
  test('is the temperature that the settings API may set, and the agent’s own', () => {
    const temperature = { min: 0.2, max: 1 };
    expect(of({ settings: { temperature } })).toEqual({ temperature });
    expect(of({ settings: { temperature }, parameters: { temperature: 1.5 } })).toEqual({ temperature: { min: 0.2, max: 1.5 } });
  });
  test('is the longest answer, or what the settings API may raise it to', () => {
    expect(of({ parameters: { maxOutputTokens: 100 } })).toEqual({ maxOutputTokens: 100 });
    const settings = { maxOutputTokens: { min: 1, max: 500 } };
    expect(of({ parameters: { maxOutputTokens: 100 }, settings })).toEqual({ maxOutputTokens: 500 });
    expect(of({ parameters: { maxOutputTokens: 900 }, settings })).toEqual({ maxOutputTokens: 900 });
    expect(of({ settings })).toBeUndefined(); // until somebody sets one, answers are as long as the model makes them
  });
  test('is the tools that it names, none of them included', () => {
    expect(of({ allowedTools: ['weather'] })).toEqual({ tools: ['weather'] });
    expect(of({ allowedTools: [] })).toEqual({ tools: [] });
  });
  test('is bounded by the rest where something cannot be read, and no tool where the tools cannot', () => {
    const settings = { temperature: { min: 0.2, max: 1 }, maxOutputTokens: { min: 1, max: 'many' } };
    expect(of({ settings, parameters: { temperature: 'hot', maxOutputTokens: 100 }, allowedTools: ['weather'] })).toEqual({
      temperature: { min: 0.2, max: 1 },
      maxOutputTokens: 100,
      tools: ['weather'],
    });
    expect(of({ settings: 'all', parameters: { maxOutputTokens: 100 }, allowedTools: ['weather', 7] })).toEqual({
      maxOutputTokens: 100,
      tools: [],
    });
    expect(of({ parameters: null, allowedTools: 'weather' })).toEqual({ tools: [] });
    expect(boundsOf({ ...agentNamed('support'), spec: null })).toEqual({ tools: [] });
  });
  test('stays bounded where a list was admitted before names of tools had a form', () => {
    expect(of({ allowedTools: ['weather', 'a\u0001', 'a name', 'x'.repeat(65)] })).toEqual({ tools: ['weather'] });
    expect(of({ allowedTools: Array.from({ length: 128 }, (_, at) => `t${at}`) })?.tools).toHaveLength(64);
  });
});
