import { html } from 'ghtml'
import type { Step } from './hosted-restore.service.ts'
import { field, hidden, type Page } from './layout.ts'

type Of<Name extends Step['name']> = Extract<Step, { name: Name }>

const startPage = ({ username, problem }: Of<'start'>): Page => ({
  title: 'Set a new password',
  body: html`<p>We send you a code. With it you set a new password, here on the next pages.</p>
<form method="post" action="/restore/begin">
!${field({
    name: 'username',
    label: 'E-mail address or phone number',
    hint: 'The one that you sign in with. A phone number begins with + and the country code.',
    problem,
    attributes: html`value="${username}" inputmode="email" autocomplete="username" autocapitalize="none" spellcheck="false"`,
    focused: true,
  })}
<button>Send the code</button>
</form>`,
})

const codePage = ({ token, username, verificationCode, note, problem }: Of<'code'>): Page => {
  const hiddenFields = hidden({ token, username, verification: verificationCode })
  return {
    title: 'Enter the code',
    body: html`!${note ? html`<p class="notice" role="status">${note}</p>` : ''}
<p>If <strong>${username}</strong> belongs to an account, a message is on its way there.</p>
<p class="shown">Verification code <strong>${verificationCode}</strong> The message must show the same. If it does not, it is not about this page.</p>
<form method="post" action="/restore/answer">
!${hiddenFields}
!${field({
      name: 'code',
      label: 'Confirmation code',
      hint: 'The other code of the message. Never tell it to anyone.',
      problem,
      attributes: html`class="code" inputmode="numeric" autocomplete="one-time-code" autocapitalize="none" spellcheck="false"`,
      focused: true,
    })}
<button>Go on</button>
</form>
<div class="aside">
<p>No message after a minute? Look where unwanted mail goes, or let us send a new code.</p>
<form method="post" action="/restore/resend">
!${hiddenFields}
<button class="second">Send again</button>
</form>
<p class="after"><a href="/restore">Use another address</a></p>
</div>`,
  }
}

const passwordPage = ({ token, username, problems = [] }: Of<'password'>): Page => ({
  title: 'Choose a new password',
  body: html`<form method="post" action="/restore/finish">
!${hidden({ token })}
<!-- Password managers store the new password for this name. -->
<input name="username" value="${username}" autocomplete="username" readonly hidden>
!${field({
    name: 'password',
    label: 'New password',
    hint: 'Long is good: a few words with spaces, for instance. One that you use nowhere else.',
    problem: problems.join(' '),
    attributes: 'type="password" autocomplete="new-password"',
    focused: true,
  })}
!${field({
    name: 'repeated',
    label: 'The same again',
    attributes: 'type="password" autocomplete="new-password"',
  })}
<button>Set the password</button>
</form>
<p class="after">You are then signed out on every device.</p>`,
})

const donePage = (brand: string): Page => ({
  title: 'You have a new password',
  body: html`<p>You were signed out on every device. Sign in to ${brand} with the new password, where you always do.</p>
<p>We tell you of it by a message too.</p>`,
})

const endedPage = ({ why }: Of<'ended'>): Page => ({
  title: 'Please start again',
  body: html`<p>${why}</p>
<p><a href="/restore">Start again</a></p>`,
})

/** The page of a step. */
export const stepPage = (brand: string, step: Step): Page => {
  switch (step.name) {
    case 'start':
      return startPage(step)
    case 'code':
      return codePage(step)
    case 'password':
      return passwordPage(step)
    case 'done':
      return donePage(brand)
    case 'ended':
      return endedPage(step)
  }
}
