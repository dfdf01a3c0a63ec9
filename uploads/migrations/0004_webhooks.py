"""Endpoints of webhooks, and their deliveries."""


import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('uploads', '0003_single_sign_on'),
    ]

    operations = [
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('url', models.URLField(max_length=500, verbose_name='URL')),
                ('events', models.CharField(max_length=200, verbose_name='events')),
                ('secret', models.CharField(editable=False, max_length=100, verbose_name='secret')),
                ('is_enabled', models.BooleanField(default=True, verbose_name='enabled')),
                ('disabled_reason', models.CharField(blank=True, editable=False, max_length=20)),
                ('failing_since', models.DateTimeField(editable=False, null=True, verbose_name='failing since')),
                ('failures', models.PositiveIntegerField(default=0, editable=False)),
                ('paused_until', models.DateTimeField(editable=False, null=True, verbose_name='paused until')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
            ],
            options={
                'verbose_name': 'webhook endpoint',
                'verbose_name_plural': 'webhook endpoints',
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_id', models.CharField(max_length=64, verbose_name='event')),
                ('type', models.CharField(max_length=40, verbose_name='type')),
                ('file_id', models.CharField(blank=True, max_length=36, verbose_name='file')),
                ('sequence', models.CharField(blank=True, max_length=100)),
                ('body', models.TextField(verbose_name='payload')),
                ('status', models.CharField(choices=[('pending', 'pending'), ('delivered', 'delivered'), ('failed', 'failed'), ('skipped', 'skipped')], default='pending', max_length=10, verbose_name='status')),
                ('is_replay', models.BooleanField(default=False)),
                ('attempts', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('next_attempt_at', models.DateTimeField(verbose_name='next attempt')),
                ('expires_at', models.DateTimeField()),
                ('claimed_until', models.DateTimeField(null=True)),
                ('last_attempt_at', models.DateTimeField(null=True, verbose_name='last attempt')),
                ('response_status', models.PositiveSmallIntegerField(null=True, verbose_name='response')),
                ('problem', models.CharField(blank=True, max_length=20)),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='uploads.webhookendpoint', verbose_name='endpoint')),
            ],
            options={
                'verbose_name': 'webhook delivery',
                'verbose_name_plural': 'webhook deliveries',
                'default_permissions': ('view', 'change'),
                'indexes': [models.Index(fields=['status', 'next_attempt_at'], name='uploads_delivery_due'), models.Index(fields=['endpoint', 'file_id'], name='uploads_delivery_file'), models.Index(fields=['created_at'], name='uploads_delivery_created')],
                'constraints': [models.UniqueConstraint(fields=('endpoint', 'event_id'), name='uploads_webhookdelivery_unique')],
            },
        ),
    ]
