//! What rooms do when something happens elsewhere.

use crate::accounts::signals::UserLeaving;
use crate::kit::signals::SignalsBuilder;
use crate::rooms::models::room;

/// Django: `pre_delete`
pub fn connect(signals: &mut SignalsBuilder) {
    signals.connect(|conn, event: &UserLeaving| room::forget_author(conn, event.user_id));
}
