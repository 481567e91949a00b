// What is asked of every bill: a preview, a comparison, an invoice.
import { graphql } from '../gql';

export const BillFragments = graphql(`
  fragment Amount on Money {
    amount
    currency
  }
  fragment BillLines on Bill {
    currency
    period {
      start
      end
    }
    lines {
      id
      kind
      description
      quantity
      period {
        start
        end
      }
      metric {
        id
        displayName
        unit
        decimals
      }
      amount {
        ...Amount
      }
      steps {
        label
        quantity
        unitPrice
        flatFee
        amount
        from
        upTo
      }
    }
    subtotal {
      ...Amount
    }
    creditsApplied {
      ...Amount
    }
    total {
      ...Amount
    }
  }
`);
