import { html } from 'ghtml'
import { csrfField } from '../layout/form.ts'
import type { View } from '../layout/view.ts'
import { consolePath } from './return-path.ts'
import type { StaffSession } from './staff-sessions.service.ts'
import type { StaffTexts } from './staff-texts.ts'

const items = [
  { key: 'nav.customers', path: consolePath, pattern: /^\/staff($|\?|\/customers)/ },
  { key: 'nav.approvals', path: `${consolePath}/approvals`, pattern: /^\/staff\/approvals/ },
  { key: 'nav.jobs', path: `${consolePath}/jobs`, pattern: /^\/staff\/(jobs|reset-all)/ },
] as const

/** The console's sections, the person who is signed in, and the sign-out. @param url of the page */
export const navigation = (
  t: StaffTexts,
  view: View,
  { name }: Pick<StaffSession, 'name'>,
  url: string,
): string => html`<nav class="desk" aria-label="${t('nav.label')}"><div>
<ul>
!${items
  .map(
    ({ key, path, pattern }) =>
      html`<li><a href="${path}"!${pattern.test(url) ? ' aria-current="page"' : ''}>${t(key)}</a></li>`,
  )
  .join('\n')}
</ul>
<form method="post" action="${consolePath}/sign-out">
!${csrfField(view)}
<span>${t('nav.person', { name })}</span>
<button class="plain">${t('nav.signOut')}</button>
</form>
</div></nav>
`
