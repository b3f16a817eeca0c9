import { NotifyRestoreWaiting } from '@rekey/contracts'
import { type MessageDeps, sendOn } from '../message.ts'
import { restoreWaitingMessage } from './restore-waiting.message.ts'

/** Notifies an address of a waiting restore. Each address of a customer has an event of its own. */
export const sendRestoreWaiting = (deps: MessageDeps) =>
  sendOn(deps, NotifyRestoreWaiting, async ({ notice, ip, ...data }, eventId) => {
    const { sealedFields, present } = deps
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const vetoLink = data.vetoLink === undefined ? undefined : await sealedFields.vetoLink(eventId, data.vetoLink)
    const [openedAt, endsAt] = [new Date(data.openedAt), new Date(data.endsAt)]
    const message = restoreWaitingMessage(present(recipient), { notice, ip, openedAt, endsAt, vetoLink })
    return { recipient, message }
  })
