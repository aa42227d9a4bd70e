/** What is wrong with one field, with the reason that the server gives in the causes of a 422. */
export interface FieldError {
  readonly field: string;
  readonly reason: 'FieldValueRequired' | 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueNotSupported' | 'FieldValueDuplicate';
  readonly message: string;
}

export const required = (field: string, message = 'Required value'): FieldError => ({ field, reason: 'FieldValueRequired', message });
export const wrong = (field: string, message: string): FieldError => ({ field, reason: 'FieldValueInvalid', message });
export const immutable = (field: string): FieldError => wrong(field, 'field is immutable');
export const notAllowed = (field: string, message: string): FieldError => ({ field, reason: 'FieldValueForbidden', message });
