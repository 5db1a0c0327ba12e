export { openApiDocument, type DescribedPlugin, type OpenApiDocument, type OpenApiOptions } from './openapi.js';
export { problemSchema, statusOf, type Problem } from './problem.js';
export type { AnswerOf, InputOf, Route, RouteAnswer } from './route.js';
export { routes, type RouteName } from './routes.js';
