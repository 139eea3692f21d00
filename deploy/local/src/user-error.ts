/** Something the user can put right: the message is one clear line and is all that is shown. */
export class UserError extends Error {
  override readonly name = 'UserError';
}
