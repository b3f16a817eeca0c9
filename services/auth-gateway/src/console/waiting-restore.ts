import {
  RekeyError,
  type Verification,
  type VerificationChannel,
  type WaitingRestore,
  type WaitingRestoreList,
} from '@rekey/contracts'
import type { PageLanguage } from '@rekey/texts'
import { html } from 'ghtml'
import type { Api } from './api.ts'
import { badge, type Fact, timeOf } from './elements.ts'
import type { StaffTexts } from './staff-texts.ts'
import { verifyPath } from './verification.ts'

// The restore of a customer that waits, on the pages of the customer, of its acts, and of the verification (S58).

/** The customer's latest waiting restore of the last 30 days; undefined also at a password-service of an earlier version. */
export const lastRestoreOf = async (
  api: Pick<Api, 'get'>,
  clientId: number | string,
): Promise<WaitingRestore | undefined> => {
  try {
    return (await api.get<WaitingRestoreList>(`/api/v2/clients/${clientId}/waiting-restore`)).data[0]
  } catch (error) {
    if (error instanceof RekeyError && error.code === 'not_found') return undefined
    throw error
  }
}

/** True while it can be vetoed. */
export const isOpenRestore = (restore: WaitingRestore | undefined): restore is WaitingRestore =>
  restore?.state === 'waiting' || restore?.state === 'ready'

const badges = { waiting: 'open', ready: 'bad', completed: 'good', vetoed: 'good', expired: 'good' } as const

/** The end of the wait; undefined if the restore was stopped before it. */
const endFact = (t: StaffTexts, language: PageLanguage, restore: WaitingRestore): Fact | undefined => {
  const { state, endsAt, endedEarlyAt, finishTime } = restore
  if (finishTime !== undefined && Date.parse(finishTime) < Date.parse(endsAt)) return undefined
  const early = endedEarlyAt === undefined ? '' : html`, ${t('restore.endedEarly')}`
  return [t(state === 'waiting' ? 'restore.ends' : 'restore.ended'), html`!${timeOf(language, endsAt)}!${early}`]
}

/** Its state, how and from where it was opened, its times, and what the customer was told. */
export const restoreFacts = (t: StaffTexts, language: PageLanguage, restore: WaitingRestore): (Fact | undefined)[] => {
  const { state, channel, ip, createTime, expiresAt, lastNotice, finishTime, vetoedBy } = restore
  return [
    [t('restore.state'), badge(t(`restore.${state}`), badges[state])],
    [t('restore.method'), html`${t(`restore.method.${channel}`)}`],
    [
      t('restore.opened'),
      html`!${timeOf(language, createTime)} <span class="quiet">${t('record.from')} <bdi>${ip}</bdi></span>`,
    ],
    endFact(t, language, restore),
    ...(isOpenRestore(restore) ? ([[t('restore.until'), timeOf(language, expiresAt)]] as Fact[]) : []),
    [t('restore.notice'), html`${t(`restore.notice.${lastNotice}`)}`],
    ...(finishTime === undefined ? [] : ([[t('restore.finished'), timeOf(language, finishTime)]] as Fact[])),
    ...(vetoedBy === undefined ? [] : ([[t('restore.by'), html`${t(`restore.by.${vetoedBy}`)}`]] as Fact[])),
  ]
}

/** The ways to verify the customer that say more than the proof which opened the restore. */
export const otherWays = ({ channels }: Verification, { channel }: WaitingRestore): Verification['channels'] =>
  channels.filter((way) => way.channel !== channel)

/** That a verification by this method does not count for the end of the wait. */
export const otherThan = (t: StaffTexts, channel: Extract<VerificationChannel, 'email' | 'sms'>): string =>
  html`${t(`restore.otherThan.${channel}`)}`

/** HTML that says why the wait of this restore cannot be ended now; undefined if it can. */
export const obstacleToEndOfWait = (
  t: StaffTexts,
  restore: WaitingRestore | undefined,
  verification: Verification | undefined,
  clientId: number,
): string | undefined => {
  if (!isOpenRestore(restore) || !verification) return html`${t('obstacle.noRestore')}`
  if (restore.state === 'ready') return html`${t('obstacle.restoreReady')}`
  const ways = otherWays(verification, restore)
  if (ways.some(({ verifiedUntil }) => verifiedUntil !== undefined)) return undefined
  if (ways.length === 0) return html`${t('obstacle.cannotVerify')}`
  return html`${t('verify.missing')} <a href="${verifyPath(clientId)}">${t('verify.link')}</a><br>
!${otherThan(t, restore.channel)}`
}
