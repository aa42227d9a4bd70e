import { describe, expect, it } from 'vitest';
import { nginxConfig } from '../../cluster/ingress/nginx-config.ts';

const route = { host: 'a.example', path: '/', exact: false, upstream: '10.120.0.5:80' };

describe('the configuration of nginx', () => {
  it('answers 404 for hosts that nobody claims', () => {
    expect(nginxConfig([])).toMatch(/listen 80 default_server;\s+server_name _;\s+location \/ \{\s+return 404;/);
  });

  it('keeps connections to a Service open, and names each Service once', () => {
    const config = nginxConfig([route, { ...route, host: 'b.example' }]);
    expect(config.match(/upstream service_10_120_0_5_80 \{\s+server 10\.120\.0\.5:80;\s+keepalive 64;/g)).toHaveLength(1);
  });

  it('matches a prefix by whole path elements: /a is neither /ab nor only /a', () => {
    const config = nginxConfig([{ ...route, path: '/a' }]);
    expect(config).toContain('location = /a {');
    expect(config).toContain('location /a/ {');
    expect(config).not.toContain('location /a {');
  });

  it('matches an exact path by itself alone', () => {
    const config = nginxConfig([{ ...route, path: '/a', exact: true }]);
    expect(config).toContain('location = /a {');
    expect(config).not.toContain('location /a/ {');
  });

  it('answers 503 where there is no Service yet', () => {
    expect(nginxConfig([{ ...route, upstream: undefined }])).toMatch(/server_name a\.example;\s+location \/ \{\s+return 503;/);
  });

  it('passes streams on as they come and believes nobody about where a request came from', () => {
    const config = nginxConfig([route]);
    expect(config).toContain('proxy_buffering off;');
    expect(config).toContain('proxy_set_header X-Forwarded-For $remote_addr;');
  });
});
