/**
 * Waits for the message that repeats the verification code of an answer. Only the sandbox's inbox can be read like this.
 *
 * @returns the confirmation code
 */
module.exports = async (bru, address, verification) => {
  const get = async (path) =>
    (await bru.sendRequest({ method: 'GET', url: `${bru.getEnvVar('inbox')}/api/v1/${path}` })).data
  for (let attempt = 0; attempt < 120; attempt += 1) {
    const { messages } = await get('messages?limit=20')
    for (const { ID } of messages.filter(({ To }) => To.some(({ Address }) => Address === address))) {
      const { Text } = await get(`message/${ID}`)
      const [code] = /(?<!\d)\d{6}(?!\d)/.exec(Text) ?? []
      if (code && new RegExp(`(?<!\\d)${verification}(?!\\d)`).test(Text)) return code
    }
    await bru.sleep(500)
  }
  throw new Error(`no message to ${address} has the verification code ${verification}`)
}
