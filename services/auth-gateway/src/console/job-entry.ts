import type { ListedJob } from '@rekey/contracts'
import type { PageLanguage } from '@rekey/texts'
import { html } from 'ghtml'
import { badge, type Entry, type Fact, timeOf } from './elements.ts'
import { consolePath } from './return-path.ts'
import type { StaffTexts } from './staff-texts.ts'

export const jobPath = (id: string) => `${consolePath}/jobs/${id}`

/** The part of a job that the API gives for one job. */
export type Progress = Pick<ListedJob, 'state' | 'total' | 'done' | 'failed'>

const states = { running: 'open', done: 'good', cancelled: 'bad' } as const

const jobBadge = (t: StaffTexts, { state }: Progress) => badge(t(`job.${state}`), states[state])

/** How far a job is, for the bar and in words. */
export const progressOf = (t: StaffTexts, { total, done, failed, state }: Progress) => ({
  max: Math.max(1, total),
  value: total === 0 ? 1 : done + failed,
  text: t('job.count', { done, total }),
  isRunning: state === 'running',
})

const progressBar = (t: StaffTexts, job: Progress): string => {
  const { max, value, text } = progressOf(t, job)
  return html`<progress max="${max}" value="${value}" aria-label="${t('job.progress')}"></progress>
<span data-count>${text}</span>`
}

/** State, progress and failures of a job. */
export const jobFacts = (t: StaffTexts, job: Progress): Fact[] => [
  [t('job.state'), jobBadge(t, job)],
  [t('job.progress'), progressBar(t, job)],
  ...(job.failed > 0 ? ([[t('job.failed'), html`${t('job.failed.count', { count: job.failed })}`]] as Fact[]) : []),
]

/** One job in a list. */
export const jobEntry = (t: StaffTexts, language: PageLanguage, job: ListedJob): Entry => {
  const { id, createTime, finishTime, actorId, approvedBy, reason, cancelledBy, cancelReason } = job
  return {
    title: html`<a href="${jobPath(id)}">${t('action.reset_all')}</a>`,
    badge: jobBadge(t, job),
    lines: [
      progressBar(t, job),
      html`!${timeOf(language, createTime)} · ${
        approvedBy === undefined
          ? t('record.byStaff', { name: actorId })
          : t('record.byTwo', { name: actorId, approver: approvedBy })
      }`,
      ...(reason === undefined ? [] : [html`${t('record.reason')} <q>${reason}</q>`]),
      ...(cancelledBy === undefined ? [] : [html`${t('job.cancelledBy', { name: cancelledBy })}`]),
      ...(cancelReason === undefined ? [] : [html`${t('record.reason')} <q>${cancelReason}</q>`]),
      ...(finishTime === undefined ? [] : [html`${t('job.ended')} !${timeOf(language, finishTime)}`]),
    ],
  }
}
