import type { MySession, PasswordChange } from '@rekey/contracts'
import { html } from 'ghtml'
import { csrfField, hidden } from '../layout/form.ts'
import { richText } from '../layout/rich-text.ts'
import type { Page } from '../layout/view.ts'
import type { AccountState } from './account-session.ts'
import { type AccountView, backToAccount, localTime, withContact } from './account-view.ts'

export const homePage = ({ view, t }: AccountView, { username }: AccountState): Page => ({
  title: t('home.title'),
  body: html`<p>!${richText((values) => t('home.signedInAs', values), {
    username: html`<strong dir="ltr">${username}</strong>`,
  })}</p>
<p><a class="button second" href="/account/password">${t('home.password')}</a></p>
<p><a class="button second" href="/account/security">${t('security.title')}</a></p>
<p><a class="button second" href="/account/sessions">${t('home.sessions')}</a></p>
<p><a class="button second" href="/account/history">${t('home.history')}</a></p>
<div class="aside"><form method="post" action="/account/sign-out">
!${csrfField(view)}
<button>${t('home.signOut')}</button>
</form></div>`,
})

const operationKeys = {
  change: { client: 'history.change', back_office: 'history.change' },
  restore: { client: 'history.restore', back_office: 'history.restore' },
  reset: { client: 'history.temporary', back_office: 'history.demanded' },
  set: { client: 'history.set', back_office: 'history.set' },
} as const

/** The address of staff is theirs: a customer sees the own one alone. */
const record =
  ({ view, t }: AccountView, timezone: string) =>
  ({ operation, actor, createTime, ip }: PasswordChange) =>
    html`<li><strong>${t(operationKeys[operation][actor])}</strong><br>
<time datetime="${createTime}">${localTime(view, new Date(createTime), timezone)}</time>!${
      actor === 'client' ? html`<br>!${richText((values) => t('ip', values), { ip: html`<bdi>${ip}</bdi>` })}` : ''
    }</li>`

export interface HistoryPart {
  data: PasswordChange[]
  total: number
  /** From 1. */
  page: number
  perPage: number
}

export const historyPage = (
  account: AccountView,
  { timezone }: AccountState,
  { data, total, page, perPage }: HistoryPart,
): Page => {
  const { view, t } = account
  const link = (to: number, text: string) => html`<a href="/account/history?page=${String(to)}">${text}</a>`
  const links = [
    ...(page > 1 ? [link(page - 1, t('history.newer'))] : []),
    ...(page * perPage < total ? [link(page + 1, t('history.older'))] : []),
  ]
  return {
    title: t('history.title'),
    body: html`!${
      data.length === 0
        ? html`<p>${t(page > 1 ? 'history.end' : 'history.empty')}</p>`
        : html`<ul class="records">
!${data.map(record(account, timezone)).join('\n')}
</ul>`
    }
!${links.length > 0 ? html`<p class="after">!${links.join(' · ')}</p>` : ''}
<p class="after">!${withContact((values) => t('history.notYou', values), view)}</p>
!${backToAccount(account)}`,
  }
}

interface SessionsPart {
  sessions: MySession[]
  turn: string
  /** The client of the platform's own pages and app, which has the platform's name. */
  ownClient: string
}

export const sessionsPage = (
  account: AccountView,
  { timezone, notice }: AccountState,
  { sessions, turn, ownClient }: SessionsPart,
): Page => {
  const { view, t } = account
  const at = (time: string) => localTime(view, new Date(time), timezone)
  const endForm = ({ id, createdAt }: MySession) => html`<form method="post" action="/account/sessions/end">
!${csrfField(view)}!${hidden({ turn, session: id })}
<button class="second">${t('sessions.end')}<span class="aloud"> (${at(createdAt)})</span></button>
</form>`
  const item = (
    session: MySession,
  ) => html`<li>!${session.current ? html`<strong>${t('sessions.current')}</strong><br>` : ''}
!${richText((values) => t('sessions.client', values), {
    client: html`<bdi>${session.client === ownClient ? view.brand : session.client}</bdi>`,
  })}<br>
${t('sessions.signedIn', { at: at(session.createdAt) })}<br>
${t('sessions.used', { at: at(session.lastUsedAt) })}<br>
!${richText((values) => t('ip', values), { ip: html`<bdi>${session.ip}</bdi>` })}
!${session.current ? '' : endForm(session)}</li>`
  const others = sessions.filter(({ current }) => !current)
  const notices = { ended: 'sessions.ended', othersEnded: 'sessions.othersEnded' } as const
  return {
    title: t('sessions.title'),
    body: html`!${notice ? html`<p class="notice" role="status">${t(notices[notice])}</p>` : ''}
<ul class="records">
!${sessions.map(item).join('\n')}
</ul>
!${
      others.length === 0
        ? html`<p>${t('sessions.only')}</p>`
        : html`<p>${t('sessions.unknown')}</p>
<form method="post" action="/account/sessions/end-others">
!${csrfField(view)}!${hidden({ turn })}
<button class="danger">${t('sessions.endOthers')}</button>
</form>`
    }
!${backToAccount(account)}`,
  }
}
