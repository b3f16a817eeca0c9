import { html } from 'ghtml'
import type { Message } from './message-store.ts'

const page = (title: string, refreshes: boolean, body: string) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
!${refreshes ? '<meta http-equiv="refresh" content="3">' : ''}
<title>${title}</title>
<link rel="stylesheet" href="/inbox.css">
</head>
<body>
!${body}
</body>
</html>
`

const recipients = ({ To }: Message) => To.map(({ Address }) => Address).join(', ')
const minute = (time: string) => `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`

const row = (message: Message) => html`<li><a href="/messages/${message.ID}">
<span class="subject">${message.Subject || '(no subject)'}</span>
<span class="to">${recipients(message)}</span>
<time datetime="${message.Created}">${minute(message.Created)}</time>
</a></li>
`

/** The messages, newest first. The page reloads every three seconds. */
export const listPage = (messages: readonly Message[], total: number) =>
  page(
    `Inbox (${total})`,
    true,
    html`<header><h1>Sandbox inbox</h1><p>Mail and SMS stop here: nothing leaves this machine.</p></header>
<main>
!${messages.length ? `<ol>${messages.map(row).join('')}</ol>` : '<p class="empty">No messages yet.</p>'}
!${total > messages.length ? html`<p class="empty">The newest ${messages.length} of ${total} messages.</p>` : ''}
</main>`,
  )

/** One message: its text, and its HTML in a sandboxed frame. */
export const messagePage = (message: Message) =>
  page(
    message.Subject || 'Message',
    false,
    html`<header><p><a href="/">← Inbox</a></p><h1>${message.Subject || '(no subject)'}</h1>
<p>To ${recipients(message)}</p>
<p><time datetime="${message.Created}">${minute(message.Created)}</time></p></header>
<main>
<h2>Text</h2>
<pre>${message.Text}</pre>
!${
      message.HTML
        ? html`<h2>HTML</h2>
<iframe title="The message as HTML" sandbox src="/messages/${message.ID}/html"></iframe>`
        : ''
    }
</main>`,
  )

/** The page for an unknown message, or one that newer messages have replaced. */
export const missingPage = () =>
  page('Not found', false, html`<header><p><a href="/">← Inbox</a></p><h1>No such message</h1></header>`)

export const styles = `:root { color-scheme: light dark; --quiet: light-dark(#595959, #a6a6a6); --line: light-dark(#ddd, #444) }
* { box-sizing: border-box }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } h2 { font-size: 1rem; margin: 1.5rem 0 .5rem }
header p { margin: 0 0 .25rem; color: var(--quiet) }
ol { list-style: none; padding: 0; margin: 1rem 0; border-top: 1px solid var(--line) }
li { border-bottom: 1px solid var(--line) }
li a { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; padding: .75rem .25rem; color: inherit; text-decoration: none }
li a:hover, li a:focus { background: light-dark(#f3f3f3, #222) }
.subject { font-weight: 600; grid-column: 1 / -1 }
.to, time, .empty { color: var(--quiet) }
pre { font: inherit; white-space: pre-wrap; margin: 0; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem }
iframe { width: 100%; height: 60vh; border: 1px solid var(--line); border-radius: .5rem; background: #fff }
`
