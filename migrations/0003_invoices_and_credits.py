from tortoise import migrations
from tortoise.migrations import operations as ops
from fubble_gql.db.fields import ExactDecimal, ExactJson, Instant
from tortoise.fields.base import OnDelete
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('fubble', '0002_promises')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Commitment',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('subscription', fields.ForeignKeyField('fubble.PlanSubscription', source_field='subscription_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('metric', fields.ForeignKeyField('fubble.Metric', source_field='metric_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('committed_quantity', ExactDecimal()),
                ('rate', ExactDecimal()),
                ('overage_rate', ExactDecimal(null=True)),
                ('start_at', Instant(auto_now=False, auto_now_add=False)),
                ('end_at', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', Instant(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'commitment', 'app': 'fubble', 'indexes': [Index(fields=['subscription_id', 'start_at'])], 'pk_attr': 'id', 'table_description': 'A quantity of a metric that is paid for in each period, used or not. Removing it ends it.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CreditGrant',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('customer', fields.ForeignKeyField('fubble.Customer', source_field='customer_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('type', fields.CharField(max_length=16)),
                ('amount', ExactDecimal()),
                ('remaining', ExactDecimal()),
                ('priority', fields.IntField()),
                ('description', fields.TextField(null=True, unique=False)),
                ('effective_at', Instant(auto_now=False, auto_now_add=False)),
                ('expires_at', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', Instant(auto_now=False, auto_now_add=False)),
                ('cancelled_at', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('invoice_id', fields.UUIDField(null=True)),
            ],
            options={'table': 'credit_grant', 'app': 'fubble', 'indexes': [Index(fields=['customer_id', 'created_at', 'id']), Index(fields=['invoice_id'])], 'pk_attr': 'id', 'table_description': 'Money that a customer may spend on invoices: `remaining` is the sum of its entries.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CreditTransaction',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('grant', fields.ForeignKeyField('fubble.CreditGrant', source_field='grant_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('position', fields.IntField()),
                ('amount', ExactDecimal()),
                ('balance', ExactDecimal()),
                ('description', fields.TextField(unique=False)),
                ('invoice_id', fields.UUIDField(null=True)),
                ('created_at', Instant(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'credit_transaction', 'app': 'fubble', 'unique_together': (('grant_id', 'position'),), 'indexes': [Index(fields=['invoice_id'])], 'pk_attr': 'id', 'table_description': 'One entry of the ledger, signed: `balance` is what remains of the grant after it.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Invoice',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('customer', fields.ForeignKeyField('fubble.Customer', source_field='customer_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('number', fields.CharField(null=True, unique=True, max_length=32)),
                ('sequence', fields.BigIntField(null=True, unique=True)),
                ('status', fields.CharField(max_length=8)),
                ('currency', fields.CharField(max_length=3)),
                ('period_start', Instant(auto_now=False, auto_now_add=False)),
                ('period_end', Instant(auto_now=False, auto_now_add=False)),
                ('subtotal', ExactDecimal()),
                ('credits_applied', ExactDecimal()),
                ('total', ExactDecimal()),
                ('as_of', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('issued_at', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('due_at', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('paid_at', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('failed_at', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('failure_reason', fields.TextField(null=True, unique=False)),
                ('voided_at', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('void_reason', fields.TextField(null=True, unique=False)),
                ('bill_to', ExactJson(null=True)),
                ('seller', ExactJson(null=True)),
                ('terms', ExactJson(null=True)),
                ('notes', fields.TextField(null=True, unique=False)),
                ('credit_grant_ids', ExactJson()),
                ('created_at', Instant(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'invoice', 'app': 'fubble', 'indexes': [Index(fields=['created_at', 'id']), Index(fields=['customer_id', 'created_at', 'id']), Index(fields=['status', 'due_at'])], 'pk_attr': 'id', 'table_description': 'A bill that was written down: a draft until it is finalised, unchanged from then on.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='InvoiceDocument',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('invoice', fields.OneToOneField('fubble.Invoice', source_field='invoice_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('pdf', fields.BinaryField()),
                ('made_at', Instant(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'invoice_document', 'app': 'fubble', 'pk_attr': 'id', 'table_description': 'The PDF of an invoice, kept as it was first made, so that it is the same for ever.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='InvoiceLine',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('invoice', fields.ForeignKeyField('fubble.Invoice', source_field='invoice_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('position', fields.IntField()),
                ('kind', fields.CharField(max_length=16)),
                ('description', fields.TextField(unique=False)),
                ('component', fields.ForeignKeyField('fubble.PriceComponent', source_field='component_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('metric', fields.ForeignKeyField('fubble.Metric', source_field='metric_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('subscription', fields.ForeignKeyField('fubble.PlanSubscription', source_field='subscription_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('period_start', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('period_end', Instant(null=True, auto_now=False, auto_now_add=False)),
                ('quantity', ExactDecimal()),
                ('unit_price', ExactDecimal(null=True)),
                ('amount', ExactDecimal()),
                ('steps', ExactJson()),
            ],
            options={'table': 'invoice_line', 'app': 'fubble', 'unique_together': (('invoice_id', 'position'),), 'indexes': [Index(fields=['subscription_id', 'period_start'])], 'pk_attr': 'id', 'table_description': 'One line of an invoice, with the steps that explain its amount.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='InvoiceNumbering',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16)),
                ('last_sequence', fields.BigIntField()),
            ],
            options={'table': 'invoice_numbering', 'app': 'fubble', 'pk_attr': 'id', 'table_description': 'The last number that was given: one row, counted up inside the finalising transaction.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='InvoicePeriod',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('subscription', fields.ForeignKeyField('fubble.PlanSubscription', source_field='subscription_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('start_at', Instant(auto_now=False, auto_now_add=False)),
                ('end_at', Instant(auto_now=False, auto_now_add=False)),
                ('invoice', fields.ForeignKeyField('fubble.Invoice', source_field='invoice_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('freed_at', Instant(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'invoice_period', 'app': 'fubble', 'indexes': [Index(fields=['subscription_id', 'start_at']), Index(fields=['invoice_id'])], 'pk_attr': 'id', 'table_description': 'A billing period that an invoice holds, so that no other can, until a void frees it.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Customer',
            name='cut_at',
            field=Instant(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Customer',
            name='invoiced_until',
            field=Instant(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='PlanSubscription',
            name='agreed_end_at',
            field=Instant(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='PlanSubscription',
            name='due_at',
            field=Instant(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='PlanSubscription',
            name='settled_at',
            field=Instant(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddIndex(
            model_name='PlanSubscription',
            index=Index(fields=['due_at']),
        ),
        ops.AddField(
            model_name='UsageEvent',
            name='is_late',
            field=fields.BooleanField(db_default=False),
        ),
    ]
