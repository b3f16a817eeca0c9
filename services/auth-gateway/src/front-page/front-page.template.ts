import { createHash } from 'node:crypto'
import { sandboxClients, sandboxCustomers } from '@rekey/contracts'
import { html } from 'ghtml'

const style = `:root { color-scheme: light dark; --quiet: light-dark(#565b66, #a9afbb); --line: light-dark(#ccc, #444) }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.25 } h2 { font-size: 1.125rem; margin: 2rem 0 .5rem }
ul { list-style: none; padding: 0; margin: 0 } li { padding: .5rem 0; border-bottom: 1px solid var(--line) }
li a { font-weight: 600 } li span { color: var(--quiet); display: block }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
code { font: .9375rem/1.4 ui-monospace, Menlo, Consolas, monospace }`

const styleDigest = createHash('sha256').update(style).digest('base64')

/** The page's style stands in the page: the policy allows it by its digest, and nothing else. */
export const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${styleDigest}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

interface Options {
  publicUrl: string
  inboxUrl: string | undefined
}

const link = ([href, title, text]: [href: string, title: string, text: string]): string =>
  html`<li><a href="${href}">${title}</a><span>${text}</span></li>
`

const row = (
  ...cells: string[]
): string => html`<tr>!${cells.map((cell) => html`<td><code>${cell}</code></td>`).join('')}</tr>
`

/** The page of the sandbox's links, for developers. */
export const frontPage = ({ publicUrl, inboxUrl }: Options): string => {
  const links: [href: string, title: string, text: string][] = [
    ['/restore', 'Restore a password', 'The hosted pages that a customer sees.'],
    ['/account', 'Account', 'Sign in, change the password, see sessions and the history, add second factors.'],
    ['/staff', 'Staff console', 'Find a customer, force a reset, block, approve.'],
    ...(inboxUrl
      ? [[inboxUrl, 'Inbox', 'Every mail and SMS: nothing leaves this machine.'] as [string, string, string]]
      : []),
    ['/docs', 'API reference', 'Endpoints, fields, errors and examples.'],
  ]
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Rekey sandbox</title>
<style>!${style}</style>
</head>
<body>
<main>
<h1>Rekey sandbox</h1>
<p>This gateway answers at <code>${publicUrl}</code>. Its keys, clients and customers are for trying it on this machine alone.</p>
<ul>
!${links.map(link).join('')}</ul>
<h2>Demo customers</h2>
<table>
<thead><tr><th scope="col">Username</th><th scope="col">Password</th></tr></thead>
<tbody>
!${sandboxCustomers.map(({ addresses, password }) => row(addresses.map(({ value }) => value).join(' or '), password)).join('')}</tbody>
</table>
<h2>Demo clients</h2>
<table>
<thead><tr><th scope="col">client_id</th><th scope="col">client_secret</th><th scope="col">Use</th></tr></thead>
<tbody>
!${sandboxClients.map(({ id, secret = 'none', use }) => row(id, secret, use)).join('')}</tbody>
</table>
</main>
</body>
</html>
`
}
