import { routes, type Route } from '@dta/contracts/rest';
import { Refusal } from '../problem.js';
import type { Check } from './middleware.js';

const table = Object.values<Route>(routes).map(({ method, path }) => ({
  methods: method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  isLiteral: !path.includes('{'),
}));

/** Refuses a method that a path of the table doesn't take, before a body is read. Paths that aren't in it go on. */
export const takenMethod: Check = (request) => {
  const methods = methodsOf(request.path);
  if (methods.length === 0 || methods.includes(request.method)) return;
  const allow = methods.join(', ');
  throw new Refusal('request_invalid', `this path takes ${allow}`, { status: 405, headers: { Allow: allow } });
};

/** Of `/v1/order/secret` those of that path alone: it is no `{orderReference}`. */
function methodsOf(path: string): string[] {
  const found = table.filter(({ pattern }) => pattern.test(path));
  const literal = found.filter(({ isLiteral }) => isLiteral);
  return (literal.length > 0 ? literal : found).flatMap(({ methods }) => methods);
}
