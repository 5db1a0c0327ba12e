import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Controller, Req, Res } from '@nestjs/common';
import { DtaError } from '@dta/errors';
import type { Request, Response } from 'express';
import { AboutGateway } from './node.controller.js';
import { Route, type Answer } from './route.js';

const README = join(import.meta.dirname, '../../../../../README.md');

const links: Answer<'getFrontPage'>['body'] = {
  application: 'D-TA',
  docs: '/docs',
  openapi: '/openapi.json',
  status: '/v1/status',
  health: '/health/ready',
  readme: '/readme',
};

const style = 'body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}';
const styleHash = createHash('sha256').update(style).digest('base64');

/** The page runs nothing, loads nothing and can't be framed; its own few rules of style are all that it may apply. */
const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** What a person who opens the node's address in a browser finds, until there is a console. */
@Controller()
export class FrontPageController {
  readonly #page: string;

  constructor(about: AboutGateway) {
    this.#page = page(about.isStandalone);
  }

  @Route('getFrontPage')
  getFrontPage(@Req() request: Request, @Res() response: Response): void {
    response.vary('Accept');
    // programs that take anything get JSON
    if (request.accepts(['json', 'html']) !== 'html') response.json(links);
    else response.set('Content-Security-Policy', policy).type('html').send(this.#page);
  }

  @Route('getReadme')
  async getReadme(@Res() response: Response): Promise<void> {
    const text = await readFile(README, 'utf8').catch((cause: unknown) => {
      throw new DtaError('not_found', 'this installation has no README', { cause });
    });
    response.type('text/plain').send(text);
  }
}

function page(isStandalone: boolean): string {
  const asks = isStandalone ? '' : ' (asks for the bearer token)';
  const audience = isStandalone
    ? '<p>All roles run in one process of one operator: for trying out, never for secrets.</p>\n'
    : '';
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>D-TA</title><style>${style}</style></head>
<body>
<h1>D-TA</h1>
<p>A decentralised trust authority: key management by several operators. This is one of its gateways.</p>
${audience}<ul>
<li><a href="${links.docs}">The API</a>, and <a href="${links.openapi}">as OpenAPI</a></li>
<li><a href="${links.status}">What this node is</a>${asks}</li>
<li><a href="${links.health}">Whether it can work</a></li>
<li><a href="${links.readme}">README</a></li>
</ul>
</body>
</html>
`;
}
