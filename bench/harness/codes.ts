import { codesOf } from '@rekey/test-support/flows'
import type { Load } from './load.ts'
import type { Answer, LoadPlan } from './protocol.ts'

export interface Asked {
  /** The answer to the request for a code. */
  answer: Answer
  /** The code, from the mail. */
  code: string
}

/** Codes that are asked for at a time: a contestant that cannot keep up must not lose any. */
const connections = 20

/**
 * Asks for one code for each address, and reads them from the mails.
 * @param codeOf finds the code in a mail's text: ours by default
 * @throws Error if an answer is wrong or a mail has no code
 */
export const askForCodes = async (
  load: Load,
  plan: Pick<LoadPlan, 'url' | 'requests' | 'expected'>,
  addresses: string[],
  codeOf: (text: string) => string | undefined = (text) => codesOf({ Text: text }).confirmation,
): Promise<Asked[]> => {
  await load.keepMails(true)
  await load.takeMails()
  const before = await load.mailCount()
  const { wrong, answers = [] } = await load.run({ ...plan, amount: addresses.length, connections, keepAnswers: true })
  if (wrong.length > 0) throw new Error(`asking for codes: ${wrong.join('; ')}`)
  await load.untilMails(before + addresses.length)
  await load.keepMails(false)
  const codes = new Map((await load.takeMails()).map(({ to, text }) => [to, codeOf(text)]))
  return addresses.map((address, index) => {
    const code = codes.get(address)
    const answer = answers[index]
    if (!code || !answer) throw new Error(`${address} got no code`)
    return { answer, code }
  })
}
