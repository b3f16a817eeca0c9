import { type ReportCompromiseReply, reportLinkDays } from '@rekey/contracts'
import { html } from 'ghtml'
import { hidden, type Page, textPage } from './layout.ts'

const call = (brand: string) => `call ${brand}, on a number that you already know`

const form = (token: string) => html`<form method="post" action="/not-me">
!${hidden({ token })}
<button>Block my account</button>
</form>`

/** Asks for a confirmation, and says what the report will do. */
export const confirmPage = (brand: string, token: string): Page => ({
  title: 'Was it not you?',
  body: html`<p>If somebody else did what our message tells you, say so here. Then, at once:</p>
<ul>
<li>every device is signed out of your account;</li>
<li>nobody can sign in to it or restore its password, not even you, until ${brand} has spoken with you.</li>
</ul>
!${form(token)}
<p class="after">If it was you, close this page. Opening it does nothing.</p>`,
})

/** After a failure. The report may have been stored all the same, with only its answer lost. */
export const tryAgainPage = (brand: string, token: string): Page => ({
  title: 'Please try again',
  body: html`<p class="problem" role="alert">We could not confirm that your account is blocked.</p>
<p>Press the button again in a few seconds. If that does not help, ${call(brand)}.</p>
!${form(token)}`,
})

/** The result of the report. */
export const resultPage = (brand: string, result: ReportCompromiseReply['result']): Page => {
  switch (result) {
    case 'reported':
      return textPage(
        'Your account is blocked',
        'Every device was signed out, and nobody can sign in or restore the password.',
        `Now ${call(brand)}: only its staff can open your account again.`,
      )
    case 'used':
      return textPage(
        'This link was used already',
        'It works once. When it was used, the account was blocked.',
        `If you have not spoken with ${brand} since, or if something else was not you, ${call(brand)}.`,
      )
    case 'expired':
      return textPage(
        'This link has expired',
        `It was good for ${reportLinkDays} days. Nothing was done.`,
        `If you think that somebody else is using your account, ${call(brand)}.`,
      )
    case 'invalid':
      return textPage(
        'This link is not valid',
        'Perhaps a part of it is missing. Nothing was done.',
        `Open it once more from our message. If that does not help, ${call(brand)}.`,
      )
  }
}
