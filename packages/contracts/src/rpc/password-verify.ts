import { type Static, Type } from '@sinclair/typebox'
import { OneOf, Password, SessionEpoch, Username } from '../fields.ts'
import { enrolledMethods } from './factors.ts'

export const PasswordVerify = {
  subject: 'password.verify',
  summary: 'Verify the password of a username.',
  request: Type.Object({ username: Username, password: Password }),
  reply: Type.Union([
    Type.Object({ verified: Type.Literal(false) }),
    Type.Object({
      verified: Type.Literal(true),
      customer: Type.String({ description: "The customer's code." }),
      sessionEpoch: SessionEpoch,
      mustChange: Type.Boolean(),
      devices: Type.Array(Type.String(), {
        description:
          'Devices that may receive the code of this sign-in: oob:email:b*1@gmail.com. While a recovery hold lasts, none of the channel that the password came by, if the customer has another.',
      }),
      methods: Type.Optional(
        Type.Array(OneOf(enrolledMethods), { description: 'Confirmed methods of the customer, besides the devices.' }),
      ),
    }),
  ]),
}
export type PasswordVerifyRequest = Static<typeof PasswordVerify.request>
export type PasswordVerifyReply = Static<typeof PasswordVerify.reply>
