/**
 * Domains of the internet in allow-lists: `api.example.com` is that name alone; `*.example.com` is every name below it, and not `example.com`
 * itself. In lower case, never an address.
 */
import { z } from 'zod';

export const domainPatternPattern = /^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

export const domainPattern = z.string().max(253).regex(domainPatternPattern, 'expected a domain such as api.example.com or *.example.com');

/** Whether the pattern allows the domain, or all that another pattern allows. */
export const domainMatches = (pattern: string, domain: string): boolean =>
  pattern.startsWith('*.') ? domain.endsWith(pattern.slice(1)) && domain.length > pattern.length - 1 : domain === pattern;
