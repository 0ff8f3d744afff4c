// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Grants} from "../src/Grants.sol";
import {GrantsHandler} from "./GrantsHandler.sol";
import {GrantsFixture} from "./GrantsFixture.sol";
import {StakesHandler} from "./StakesHandler.sol";

contract GrantsInvariantTest is GrantsFixture {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    GrantsHandler private handler;

    function setUp() public override {
        handler = new GrantsHandler();
        handler.setUp();
        (grants, stakes, token, dollar) = handler.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(handler);
        // Twice what leads on.
        bytes4[26] memory s = [
            GrantsHandler.ask.selector,
            GrantsHandler.ask.selector,
            GrantsHandler.decide.selector,
            GrantsHandler.carryOut.selector,
            GrantsHandler.openUse.selector,
            GrantsHandler.openUse.selector,
            GrantsHandler.postResult.selector,
            GrantsHandler.postResult.selector,
            GrantsHandler.challenge.selector,
            GrantsHandler.challenge.selector,
            GrantsHandler.settle.selector,
            GrantsHandler.failUse.selector,
            GrantsHandler.refund.selector,
            GrantsHandler.proposeSomething.selector,
            GrantsHandler.payCredit.selector,
            GrantsHandler.pause.selector,
            GrantsHandler.changeCharter.selector,
            GrantsHandler.contradict.selector,
            GrantsHandler.postEpoch.selector,
            GrantsHandler.passTime.selector,
            GrantsHandler.distributeDividends.selector,
            GrantsHandler.stranger_.selector,
            StakesHandler.depositStake.selector,
            StakesHandler.unstake.selector,
            StakesHandler.withdrawStake.selector,
            StakesHandler.endSlashing.selector
        ];
        targets[0].selectors = new bytes4[](s.length + 2);
        for (uint256 i = 0; i < s.length; i++) {
            targets[0].selectors[i] = s[i];
        }
        targets[0].selectors[s.length] = StakesHandler.contradictRoots.selector;
        targets[0].selectors[s.length + 1] = StakesHandler.contradictFacts.selector;
    }

    /// One campaign for all: forge would run the same calls again for each.
    function invariant_EscrowStakesAndDividendsNeverMixAndAreAccountedForToTheUnit() public view {
        requestsAreWhereTheBookSays();
        allThatWasReceivedIsSomewhere();
        stakesAreWhatWasPutInAndNotTaken();
        budgetIsWhatUsesSpent();
        vm.assertEq(
            token.dividendsReceived(), handler.settled() - handler.fees() + handler.distributed(), "dividends"
        );
    }

    function requestsAreWhereTheBookSays() private view {
        uint256 locked = 0;
        uint256 n = handler.count();
        for (uint256 i = 0; i < n; i++) {
            bytes32 id = handler.requests(i);
            GrantsHandler.Book memory b = handler.bookOf(id);
            Grants.Grant memory g = grants.grantOf(id);
            locked += b.locked;
            vm.assertEq(uint256(g.state), uint256(b.state), "what is settled or refunded stays so");
            vm.assertEq(g.settledUses, b.done, "settled uses");
            vm.assertEq(b.price * b.uses, b.locked + b.settled + b.refunded, "of one request");
            vm.assertEq(b.price * b.done, b.settled, "the price of settled uses");
            vm.assertEq(g.runner, handler.workOf(id).busy, "who computes it");
        }
        vm.assertEq(grants.escrowed(), locked, "escrowed");
    }

    function allThatWasReceivedIsSomewhere() private view {
        uint256 owed = 0;
        for (uint256 i = 0; i < handler.BUYERS() + 2; i++) {
            address to = handler.recipientAt(i);
            vm.assertEq(grants.creditOf(to), handler.owedTo(to), "credit");
            owed += handler.owedTo(to);
        }
        vm.assertEq(grants.credited(), owed, "credited");
        vm.assertEq(
            handler.received() + handler.fees(),
            handler.settled() + handler.paidOut() + grants.credited() + grants.escrowed(),
            "received"
        );
        vm.assertEq(
            dollar.balanceOf(address(grants)), grants.escrowed() + grants.credited() + handler.donated(), "balance"
        );
        vm.assertEq(dollar.allowance(address(grants), address(token)), 0, "no allowance is left");
    }

    function stakesAreWhatWasPutInAndNotTaken() private view {
        uint256 sum = 0;
        uint256 risk = 0;
        for (uint256 i = 0; i < handler.RUNNERS() + handler.VERIFIERS(); i++) {
            address account = handler.operatorAt(i);
            GrantsHandler.Account memory a = handler.accountOf(account);
            vm.assertEq(stakes.stakeOf(account).active, a.active, "active");
            vm.assertEq(stakes.stakeOf(account).leaving, a.leaving, "leaving");
            vm.assertEq(grants.atRisk(account), a.risk, "at risk");
            vm.assertTrue(a.shown || a.risk <= a.active, "what uses hang on is there");
            sum += a.active + a.leaving;
            risk += a.risk;
        }
        uint256 n = stakes.slashings();
        vm.assertEq(n, handler.takings(), "so often taken");
        for (uint256 i = 0; i < n; i++) {
            vm.assertEq(stakes.slashingOf(i).amount, handler.taken(i).amount, "taken");
            vm.assertEq(stakes.slashingOf(i).to, handler.taken(i).amount == 0 ? address(0) : handler.taken(i).to, "for");
            sum += handler.taken(i).amount;
        }
        vm.assertEq(stakes.held(), sum, "of operators, and taken and not paid");
        vm.assertEq(stakes.held(), handler.held(), "put in and not paid");
        vm.assertEq(dollar.balanceOf(address(stakes)), sum, "the money is there");
        vm.assertEq(risk, hanging(), "what hangs on uses that are not over");
    }

    function hanging() private view returns (uint256 sum) {
        for (uint256 i = 0; i < handler.count(); i++) {
            GrantsHandler.Work memory w = handler.workOf(handler.requests(i));
            uint256 runners = 0;
            if (w.first != address(0)) runners++;
            if (w.second != address(0)) runners++;
            if (w.busy != address(0)) runners++;
            sum += runners * w.stake;
        }
    }

    function budgetIsWhatUsesSpent() private view {
        vm.assertEq(grants.spent(), handler.spent(), "epsilon of the period");
        vm.assertEq(grants.standingUses(), handler.standingUses(), "uses without a vote in the period");
    }

    /// Every escrow ends settled or refunded, and every stake with its owner or with whom it was given to.
    function afterInvariant() public {
        handler.end(handler.count() % 2 == 0);
        vm.assertEq(grants.escrowed(), 0, "nothing waits");
        vm.assertEq(grants.credited(), 0, "nothing is owed");
        vm.assertEq(dollar.balanceOf(address(grants)), handler.donated(), "but what nobody asked for");
        vm.assertEq(handler.received() + handler.fees(), handler.settled() + handler.paidOut(), "settled or refunded");
        vm.assertEq(stakes.held(), 0, "nothing is at stake");
        vm.assertEq(dollar.balanceOf(address(stakes)), 0, "nothing is kept");
    }
}
