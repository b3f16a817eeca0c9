import { createTexts } from '@rekey/texts'
import type { Page, View } from '../layout/view.ts'
import type { AccountState } from './account-session.ts'
import type { AccountView } from './account-view.ts'

/** The time at which the pages of the gallery are shown. */
export const now = new Date('2026-11-26T12:00:00Z')
export const inSeconds = (seconds: number) => now.getTime() + seconds * 1_000

const facts = { codeDigits: 6, codeLifeSeconds: 600, minPasswordLength: 8, maxPasswordLength: 128 }
const texts = createTexts('account')

/** A page of the gallery. */
export const of = (page: (account: AccountView) => Page) => (view: View) =>
  page({ view, t: texts(view.language), facts, now })

export const username = 'maria.fernandez-schmidt@example.com'

export const account: AccountState = {
  username,
  accessToken: 't',
  endsAt: inSeconds(3_600),
  mustChange: false,
  timezone: 'Europe/Berlin',
}

/** A code that was sent. */
export const sent = { verificationCode: '4821', resendAt: inSeconds(43) }
