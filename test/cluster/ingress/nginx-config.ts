import type { Route } from './routes.ts';

/**
 * A configuration of nginx for the routes. Upstreams are addresses of Services, so a pod that comes or goes changes nothing here.
 * Nothing is buffered either way: answers are streams, and the gateway behind limits what comes in.
 */
export function nginxConfig(routes: readonly Route[]): string {
  const hosts = new Map<string | undefined, Route[]>([[undefined, []]]);
  for (const route of routes) hosts.set(route.host, [...(hosts.get(route.host) ?? []), route]);
  return `user www-data;
worker_processes 2;
worker_rlimit_nofile 65536;
pid /run/nginx.pid;
error_log stderr warn;
events {
  worker_connections 8192;
}
http {
  access_log off;
  server_tokens off;
  server_names_hash_bucket_size 256;
  client_max_body_size 64m;
  proxy_http_version 1.1;
  proxy_buffering off;
  proxy_request_buffering off;
  proxy_connect_timeout 5s;
  proxy_read_timeout 1h;
  proxy_send_timeout 1h;
  # whoever calls is the first in the chain: what it claims of others before it is dropped
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  map $http_upgrade $connection_upgrade {
    default upgrade;
    '' '';
  }
${upstreams(routes)}${[...hosts].map(([host, of]) => server(host, of)).join('')}}
`;
}

function upstreams(routes: readonly Route[]): string {
  const addresses = new Set(routes.flatMap(({ upstream }) => (upstream === undefined ? [] : [upstream])));
  return [...addresses]
    .sort()
    .map((address) => `  upstream ${nameOf(address)} {\n    server ${address};\n    keepalive 64;\n  }\n`)
    .join('');
}

function server(host: string | undefined, routes: readonly Route[]): string {
  const names = host === undefined ? ['listen 80 default_server;', 'server_name _;'] : ['listen 80;', `server_name ${host};`];
  const catchesAll = routes.some(({ path, exact }) => path === '/' && !exact);
  const rest = catchesAll ? [] : ['location / {', '  return 404;', '}'];
  const lines = [...names, ...routes.flatMap(locations), ...rest];
  return `  server {\n${lines.map((line) => `    ${line}\n`).join('')}  }\n`;
}

/** nginx prefers the longest match, as Ingress does. A prefix matches whole path elements, which takes two locations. */
function locations({ path, exact, upstream }: Route): string[] {
  const matches = exact ? [`= ${path}`] : path === '/' ? ['/'] : [`= ${path}`, `${path}/`];
  const action = upstream === undefined ? 'return 503;' : `proxy_pass http://${nameOf(upstream)};`;
  return matches.flatMap((match) => [`location ${match} {`, `  ${action}`, '}']);
}

function nameOf(address: string): string {
  return `service_${address.replaceAll(/[.:]/g, '_')}`;
}
