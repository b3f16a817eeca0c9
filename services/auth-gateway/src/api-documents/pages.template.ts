import type { asyncapi } from '@rekey/contracts/documents/asyncapi'
import { html } from 'ghtml'

const navigation = `<nav><a href="/docs">HTTP</a> <a href="/docs/events">Events and RPCs</a>
<a href="/openapi.json">openapi.json</a> <a href="/asyncapi.json">asyncapi.json</a></nav>`

const document = (title: string, head: string, body: string): string => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/page.css">
!${head}
</head>
<body>
!${navigation}
!${body}
</body>
</html>
`

/** The page of the HTTP API. */
export const apiPage: string = document(
  'Rekey: HTTP API',
  '<link rel="stylesheet" href="/docs/viewer.css">\n<script src="/docs/viewer.js" defer></script>\n<script src="/docs/start.js" defer></script>',
  '<main id="viewer"></main>\n<noscript>The HTTP API is described in <a href="/openapi.json">openapi.json</a>.</noscript>',
)

type Document = ReturnType<typeof asyncapi>
interface Message {
  name: string
  summary: string
  payload: object
  examples: { headers?: object; payload: unknown }[]
}

const json = (value: unknown) => html`<pre>${JSON.stringify(value, null, 2)}</pre>`

const messageRow = ([key, value]: [string, object]) => {
  const { name, summary, payload, examples } = value as Message
  return html`<tr id="${key}"><td><code>${name}</code></td><td>${summary}<details><summary>Example</summary>!${json(examples[0])}</details>
<details><summary>Schema</summary>!${json(payload)}</details></td></tr>`
}

/** The page of the events and RPCs: every message with an example and its schema. */
export const eventsPage = ({ info, components }: Document): string =>
  document(
    'Rekey: events and RPCs',
    '',
    html`<main class="text"><h1>Events and RPCs</h1><p>${info.description}</p>
<table><thead><tr><th>Message</th><th>Published or sent when</th></tr></thead>
<tbody>!${Object.entries(components.messages).map(messageRow).join('\n')}</tbody></table></main>`,
  )

/** The page of an error. */
export const errorPage = (title: string): string =>
  document('Rekey', '', html`<main class="text"><h1>${title}</h1></main>`)
