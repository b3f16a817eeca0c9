import { waitingRestoreClaimHours } from '@rekey/contracts'
import { fullMinute } from '@rekey/platform/clock'
import { html } from 'ghtml'
import { csrfField, hidden } from '../layout/form.ts'
import { localTime } from '../layout/local-time.ts'
import { richText } from '../layout/rich-text.ts'
import type { Page, View } from '../layout/view.ts'
import type { WaitingState } from './hosted-restore.state.ts'

interface Place {
  view: View
  /** Path of the restore. */
  path: string
  turn: string
  now: Date
}

/** The restore waits; while the second challenge lives, the customer can go back to it. */
export const waitingPage = (
  { view, path, turn, now }: Place,
  { username, until, timezone, proof }: WaitingState,
): Page => {
  const { t } = view
  // The mail states the same minute.
  const from = fullMinute(new Date(until))
  const time = html`<strong><time datetime="${from.toISOString()}">${localTime(view, from, timezone)}</time></strong>`
  const values = { username: html`<strong dir="ltr">${username}</strong>`, hours: html`${waitingRestoreClaimHours}` }
  return {
    title: t('waiting.title'),
    body: html`<p>!${richText((texts) => t('waiting.until', texts), { time })}</p>
<p>!${richText((texts) => t('waiting.todo', texts), values)}</p>
<p>${t('waiting.told')}</p>
!${
      now.getTime() < proof.expiresAt
        ? html`<div class="after"><form method="post" action="${path}/proof-other">
!${csrfField(view)}!${hidden({ turn })}
<button class="second">${t('waiting.confirm')}</button>
</form></div>`
        : ''
    }`,
  }
}
