"""Where the relay is, from the settings: for the service, and for who asks whether mail could be sent."""

from ups_notifier.adapters.smtp import RelayAddress
from ups_notifier.settings import SmtpSettings


def relay_address(smtp: SmtpSettings) -> RelayAddress:
    """The relay as it was set."""
    return RelayAddress(
        host=smtp.host,
        port=smtp.port,
        tls=smtp.tls,
        username=smtp.username,
        password=smtp.password.get_secret_value() if smtp.password else None,
        ca_file=str(smtp.ca_file) if smtp.ca_file else None,
        helo_name=smtp.helo_name,
        connections=smtp.connections,
        command_timeout_s=smtp.command_timeout_s,
        data_timeout_s=smtp.data_timeout_s,
    )
