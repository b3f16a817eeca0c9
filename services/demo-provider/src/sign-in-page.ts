import { html } from 'ghtml'
import { demoStaff } from './demo-staff.ts'

const style = `:root { color-scheme: light dark; --line: light-dark(#767676, #949494); --wrong: light-dark(#a31621, #ff9a9f) }
* { box-sizing: border-box }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 0 auto; padding: 2rem 1rem }
h1 { font-size: 1.5rem; margin: 0 0 .5rem }
label { display: block; font-weight: 600; margin: 1rem 0 .25rem }
input, button { display: block; width: 100%; min-height: 3rem; padding: .5rem .75rem; font: inherit; border: 1px solid var(--line); border-radius: .5rem }
button { margin-top: 1.5rem; font-weight: 600; cursor: pointer }
.problem { color: var(--wrong); font-weight: 600 }
code { font: 1em ui-monospace, monospace }
`

export const stylesheet = { path: '/sign-in.css', text: style }

const page = (title: string, body: string) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Demo provider</title>
<link rel="stylesheet" href="${stylesheet.path}">
</head>
<body>
<main>
<h1>${title}</h1>
!${body}
</main>
</body>
</html>
`

/** The sign-in of the demo provider. `isWrong`: name or password of the last attempt did not fit. */
export const signInPage = ({
  action,
  name = '',
  isWrong = false,
}: {
  action: string
  name?: string
  isWrong?: boolean
}) =>
  page(
    'Sign in',
    html`<p>This stands for your own identity provider. Its accounts:
!${demoStaff.map((member) => html`<code>${member.name}</code> (password <code>${member.password}</code>)`).join(', ')}.</p>
!${isWrong ? '<p class="problem" role="alert">The name or the password is wrong.</p>' : ''}
<form method="post" action="${action}">
<label for="name">Name</label>
<input id="name" name="name" value="${name}" required autocomplete="username" autocapitalize="none" spellcheck="false" autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="current-password">
<button>Sign in</button>
</form>`,
  )

/** A page without a form. */
export const textPage = (title: string, text: string) => page(title, html`<p>${text}</p>`)
