import { restore, restoreGrant } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import type { ReceivedMessage } from '@rekey/test-support/inbox'

// Restores the password of each username in turn, over HTTP and the page's API of the inbox. A program of its own: it runs
// beside the containers, in the network of the engine.

export interface Visit {
  url: string
  inboxUrl: string
  client: { client_id: string; redirect_uri: string }
  /** Email addresses or phone numbers. */
  usernames: string[]
}

const { url, inboxUrl, client, usernames } = JSON.parse(process.argv[2] ?? '') as Visit

const read = async <T>(path: string) => (await (await fetch(`${inboxUrl}/api/v1/${path}`)).json()) as T
const messages = async () => {
  const list = await read<{ messages: { ID: string }[] }>('messages?limit=50')
  return Promise.all(list.messages.map(({ ID }) => read<ReceivedMessage>(`message/${ID}`)))
}
const inbox = {
  messages,
  messagesTo: async (to: string) =>
    (await messages()).filter((message) => message.To.some(({ Address }) => Address === to)),
}

const http = createHttp(url, { isPatient: true })
// Of what a restore needs, the steps use these two alone.
const rekey = { http, inbox } as unknown as Parameters<typeof restoreGrant>[0]

for (const email of usernames) {
  const grant = await restoreGrant(rekey, { email, password: '' }, 'sign_token', client)
  const { status, text } = await restore(rekey, grant, `violet kettle ${usernames.indexOf(email)} marsh`)
  if (status !== 204) throw new Error(`the restore of ${email} was answered ${status}: ${text}`)
  console.log(`${email} restored`)
}
