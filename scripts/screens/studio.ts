import { eventually } from '@rekey/test-support/eventually'
import type { ReceivedMessage } from '@rekey/test-support/inbox'
import { createWalk, type Mailbox, openPage } from '@rekey/test-support/page-walk'
import { addVirtualAuthenticator } from '@rekey/test-support/virtual-authenticator'
import type { Browser, Page } from 'playwright-core'
import type { Camera } from './camera.ts'

const phone = { width: 390, height: 700 }
const desk = { width: 1_024, height: 640 }

interface Deps {
  browser: Browser
  camera: Camera
  /** Base URLs of the sandbox. */
  gateway: string
  inbox: string
}

const getJson = async <T>(url: string) => (await fetch(url)).json() as Promise<T>

/** Reads the sandbox's inbox over HTTP. */
const createMailbox = (inbox: string) => {
  const messagesTo = async (to: string): Promise<ReceivedMessage[]> => {
    const { messages } = await getJson<{ messages: ReceivedMessage[] }>(`${inbox}/api/v1/messages?limit=1000`)
    const own = messages.filter(({ To }) => To.some(({ Address }) => Address === to))
    return Promise.all(own.map(({ ID }) => getJson<ReceivedMessage>(`${inbox}/api/v1/message/${ID}`)))
  }
  return { messagesTo } satisfies Mailbox
}

/** The browsers, mailboxes and pictures of the stories. */
export const createStudio = (
  t: { teardown(callback: () => unknown): void },
  { browser, camera, gateway, inbox }: Deps,
) => {
  const mailbox = createMailbox(inbox)
  const open = async (viewport: typeof phone) => {
    const { page } = await openPage(t, browser, { viewport, locale: 'en-GB', timezoneId: 'Europe/London' })
    return page
  }

  const openPhone = async (email: string) => {
    const page = await open(phone)
    await addVirtualAuthenticator(page)
    return { page, mail: await page.context().newPage(), email, walk: createWalk(page, mailbox) }
  }
  const phones = new Map<string, ReturnType<typeof openPhone>>()

  const phoneOf = (email: string) => {
    const found = phones.get(email) ?? openPhone(email)
    phones.set(email, found)
    return found
  }

  return {
    gateway,

    /** The phone of a customer, the same in every story: pages, mails, and an authenticator for passkeys. */
    phoneOf,

    /** The browser of a member of staff. */
    openDesk: () => open(desk),

    take: (page: Page, name: string, sentence: string) => camera.take(page, name, sentence),

    /**
     * Waits for the newest mail whose subject or text matches, and takes a picture of it on the customer's phone.
     * @returns its text
     */
    async takeMail(email: string, what: RegExp, name: string, sentence: string): Promise<string> {
      const { mail } = await phoneOf(email)
      const { ID, Text } = await eventually(
        async () => (await mailbox.messagesTo(email)).find(({ Subject, Text }) => what.test(`${Subject}\n${Text}`)),
        { what: `a mail to ${email} with ${what}` },
      )
      await mail.goto(`${inbox}/messages/${ID}/html`)
      await camera.take(mail, name, sentence)
      return Text
    },
  }
}

export type Studio = ReturnType<typeof createStudio>

/** Something that happens to a customer, in pictures. */
export interface Story {
  title: string
  /** @throws Error that says what a page shows instead of the next step */
  play(studio: Studio): Promise<void>
}
