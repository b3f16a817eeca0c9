import { NotifyProtectionChanged } from '@rekey/contracts'
import { type MessageDeps, sendOn } from '../message.ts'
import { protectionChangedMessage } from './protection-changed.message.ts'

/** Notifies a confirmed address of a block, a lifted block, an ended hold, or the end of all sessions. Each address has an event of its own. */
export const sendProtectionChanged = (deps: MessageDeps) =>
  sendOn(deps, NotifyProtectionChanged, async ({ operation, ...data }, eventId) => {
    const { sealedFields, present } = deps
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const reportLink =
      data.reportLink === undefined ? undefined : await sealedFields.reportLink(eventId, data.reportLink)
    const about = { operation, changedAt: new Date(data.changedAt), unverified: data.unverified === true }
    return { recipient, message: protectionChangedMessage(present(recipient), { ...about, reportLink }) }
  })
